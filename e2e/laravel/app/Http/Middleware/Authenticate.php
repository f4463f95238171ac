<?php

namespace App\Http\Middleware;

use Illuminate\Auth\Middleware\Authenticate as Middleware;

class Authenticate extends Middleware
{
    protected function redirectTo($request)
    {
        // As a new Laravel application has it: guests who do not ask for JSON see the login page.
        return $request->expectsJson() ? null : '/login';
    }
}
