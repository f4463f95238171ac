<?php

namespace App\Http\Middleware;

use Closure;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\Broadcast;

/**
 * Chooses the broadcaster that answers the authorisation requests of a route.
 */
class AnswersAs
{
    public function handle(Request $request, Closure $next, string $connection)
    {
        Broadcast::setDefaultDriver($connection);

        return $next($request);
    }
}
