<?php

namespace App\Http\Middleware;

use Closure;
use Illuminate\Http\Request;

/**
 * Lets pages of other origins log in and ask for themselves, with their cookies.
 */
class CrossOrigin
{
    public function handle(Request $request, Closure $next)
    {
        $response = $request->isMethod('OPTIONS') ? response('', 204) : $next($request);
        $response->headers->add([
            'Access-Control-Allow-Origin' => $request->header('Origin', '*'),
            'Access-Control-Allow-Credentials' => 'true',
            'Access-Control-Allow-Headers' => 'Authorization, Content-Type, X-CSRF-TOKEN, X-Requested-With',
        ]);

        return $response;
    }
}
