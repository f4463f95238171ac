<?php

/*
 * What composer would do: Debian's packages bring a loader each, under /usr/share/php, which PHP searches.
 */

require_once 'Illuminate/autoload.php';

// Only needed with REDIS_CLIENT=predis.
if (stream_resolve_include_path('Predis/autoload.php')) {
    require_once 'Predis/autoload.php';
}

spl_autoload_register(function (string $class) {
    if (strpos($class, 'App\\') === 0) {
        require dirname(__DIR__).'/app/'.str_replace('\\', '/', substr($class, 4)).'.php';
    }
});
