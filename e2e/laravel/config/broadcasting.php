<?php

return [
    'default' => env('BROADCAST_CONNECTION', env('BROADCAST_DRIVER', 'null')),
    'connections' => [
        'redis' => ['driver' => 'redis', 'connection' => 'default'],
        'signing' => [
            'driver' => 'signing',
            'key' => env('REVERB_APP_KEY', ''),
            'secret' => env('REVERB_APP_SECRET', ''),
        ],
        'null' => ['driver' => 'null'],
    ],
];
