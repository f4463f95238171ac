<?php

use App\Models\User;
use Illuminate\Support\Facades\Auth;
use Illuminate\Support\Facades\Route;

Route::get('/login', function () {
    return '<!doctype html><title>Log in</title><form>…</form>';
});

Route::get('/login/{id}', function ($id) {
    Auth::login(User::known($id));

    return ['id' => Auth::id(), 'csrf' => csrf_token()];
});

// An authorisation route that somebody wrote by hand: it checks the CSRF token.
Route::post('/by-hand/broadcasting/auth', function () {
    return response()->json(true);
});
