<?php

namespace App\Providers;

use App\Broadcasting\SigningBroadcaster;
use Illuminate\Support\Facades\Broadcast;
use Illuminate\Support\Facades\Route;
use Illuminate\Support\ServiceProvider;

class BroadcastServiceProvider extends ServiceProvider
{
    public function boot()
    {
        Broadcast::extend('signing', function ($app, array $config) {
            return new SigningBroadcaster($config['key'], $config['secret']);
        });

        $default = Broadcast::getDefaultDriver();

        // The channels belong to a broadcaster, and this application answers with two.
        foreach (['redis', 'signing'] as $connection) {
            Broadcast::setDefaultDriver($connection);
            require base_path('routes/channels.php');
        }
        Broadcast::setDefaultDriver($default);

        // POST /broadcasting/auth, as in every Laravel application.
        Broadcast::routes();

        // The same with the answers of the pusher and reverb drivers.
        Route::prefix('signed')->group(function () {
            Broadcast::routes(['middleware' => ['web', 'broadcaster:signing']]);
        });

        // What people get wrong: guests are sent to the login page.
        Route::prefix('members-only')->group(function () {
            Broadcast::routes(['middleware' => ['web', 'auth']]);
        });
    }
}
