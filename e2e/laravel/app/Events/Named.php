<?php

namespace App\Events;

/**
 * The same under a name of its own, with a payload of its own.
 */
class Named extends Posted
{
    public function broadcastAs()
    {
        return 'post.named';
    }

    public function broadcastWith()
    {
        return $this->post;
    }
}
