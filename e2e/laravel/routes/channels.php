<?php

use Illuminate\Support\Facades\Broadcast;

$guards = ['guards' => ['web', 'api']];

Broadcast::channel('App.Models.User.{id}', function ($user, $id) {
    return (int) $user->id === (int) $id;
}, $guards);

Broadcast::channel('orders.{number}', function ($user, $number) {
    return strpos($number, 'secret') !== 0;
}, $guards);

Broadcast::channel('room.{number}', function ($user) {
    return ['id' => $user->id, 'name' => $user->name];
}, $guards);
