<?php

/*
 * What the tests let the application do: everything a browser would cause by using it.
 */

use App\Events\Named;
use App\Events\Posted;
use App\Models\User;
use App\Notifications\InvoicePaid;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\Redis;
use Illuminate\Support\Facades\Route;

// One or many events: `[{event, channels: [[kind, name]], post, toOthers}]`.
Route::post('/publish', function (Request $request) {
    foreach ($request->json() as $one) {
        $class = ['Posted' => Posted::class, 'Named' => Named::class][$one['event'] ?? 'Posted'];
        $pending = broadcast(new $class($one['post'], $one['channels']));
        if ($one['toOthers'] ?? false) {
            $pending->toOthers();
        }
        // A broadcast is sent when its last reference goes.
        unset($pending);
    }

    return ['published' => count($request->json())];
});

Route::post('/notify/{id}', function (Request $request, $id) {
    User::known($id)->notify(new InvoicePaid($request->json('amount')));

    return ['notified' => (int) $id];
});

// Without the broadcasting system: PUBLISH instead of EVAL, with Laravel's own connection and its prefix.
Route::post('/redis/publish', function (Request $request) {
    return ['receivers' => Redis::connection()->publish($request->json('channel'), $request->json('message'))];
});

// Behind something that sends everybody to a login page, whatever they accept.
Route::post('/redirects/broadcasting/auth', function () {
    return redirect('/login');
});

Route::get('/up', function () {
    return ['redis' => config('database.redis.options.prefix'), 'client' => config('database.redis.client')];
});
