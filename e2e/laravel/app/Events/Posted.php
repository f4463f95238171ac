<?php

namespace App\Events;

use Illuminate\Broadcasting\Channel;
use Illuminate\Broadcasting\InteractsWithSockets;
use Illuminate\Broadcasting\PresenceChannel;
use Illuminate\Broadcasting\PrivateChannel;
use Illuminate\Contracts\Broadcasting\ShouldBroadcastNow;
use Illuminate\Foundation\Events\Dispatchable;

/**
 * An event with every public property that a test sends along, on the channels that it names.
 */
class Posted implements ShouldBroadcastNow
{
    use Dispatchable, InteractsWithSockets;

    public $post;

    private $channels;

    /**
     * @param  mixed  $post
     * @param  array  $channels  pairs of a kind (public, private, presence) and a name
     */
    public function __construct($post, array $channels)
    {
        $this->post = $post;
        $this->channels = $channels;
    }

    public function broadcastOn()
    {
        return array_map(function (array $channel) {
            [$kind, $name] = $channel;
            $classes = ['public' => Channel::class, 'private' => PrivateChannel::class, 'presence' => PresenceChannel::class];

            return new $classes[$kind]($name);
        }, $this->channels);
    }
}
