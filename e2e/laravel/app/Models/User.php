<?php

namespace App\Models;

use Illuminate\Auth\GenericUser;
use Illuminate\Notifications\Notifiable;

/**
 * The users are those of the list: without a database there is nothing to install and to fill.
 */
class User extends GenericUser
{
    use Notifiable;

    private const NAMES = [7 => 'Zoë', 8 => 'Bo', 9 => 'Kim'];

    public static function known($id): ?self
    {
        return isset(self::NAMES[$id]) ? new self(['id' => (int) $id, 'name' => self::NAMES[$id]]) : null;
    }

    /** What a notification names its channel after. */
    public function getKey(): int
    {
        return $this->id;
    }
}
