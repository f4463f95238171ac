<?php

use Illuminate\Foundation\Application;

$app = new Application(dirname(__DIR__));

// The tests give every application a directory of its own: its `.env` and all that it writes.
$app->useEnvironmentPath(getenv('LARAVEL_DIRECTORY'));
$app->useStoragePath(getenv('LARAVEL_DIRECTORY').'/storage');

$app->singleton(Illuminate\Contracts\Http\Kernel::class, App\Http\Kernel::class);
$app->singleton(Illuminate\Contracts\Console\Kernel::class, Illuminate\Foundation\Console\Kernel::class);
$app->singleton(Illuminate\Contracts\Debug\ExceptionHandler::class, App\Exceptions\Handler::class);

return $app;
