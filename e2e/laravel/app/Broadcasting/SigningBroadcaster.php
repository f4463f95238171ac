<?php

namespace App\Broadcasting;

use Illuminate\Broadcasting\Broadcasters\Broadcaster;
use Illuminate\Broadcasting\Broadcasters\UsePusherChannelConventions;
use LogicException;
use Symfony\Component\HttpKernel\Exception\AccessDeniedHttpException;

/**
 * Answers authorisation requests in the form of the pusher and reverb drivers: `{auth, channel_data}`.
 *
 * Those drivers need pusher-php-server, which Debian does not have. This one is a custom driver as any application
 * may register it; it decides with Laravel's own channel routes, and publishes nothing.
 */
class SigningBroadcaster extends Broadcaster
{
    use UsePusherChannelConventions;

    private $key;

    private $secret;

    public function __construct(string $key, string $secret)
    {
        $this->key = $key;
        $this->secret = $secret;
    }

    public function auth($request)
    {
        $channel = $this->normalizeChannelName((string) $request->channel_name);

        if (empty($request->channel_name) ||
            ($this->isGuardedChannel($request->channel_name) && ! $this->retrieveUser($request, $channel))) {
            throw new AccessDeniedHttpException;
        }

        return $this->verifyUserCanAccessChannel($request, $channel);
    }

    public function validAuthenticationResponse($request, $result)
    {
        $signed = $request->socket_id.':'.$request->channel_name;
        if (strpos($request->channel_name, 'presence-') !== 0) {
            return ['auth' => $this->signature($signed)];
        }
        $user = $this->retrieveUser($request, $this->normalizeChannelName($request->channel_name));
        $data = json_encode(['user_id' => (string) $user->getAuthIdentifier(), 'user_info' => $result]);

        return ['auth' => $this->signature("{$signed}:{$data}"), 'channel_data' => $data];
    }

    public function broadcast(array $channels, $event, array $payload = [])
    {
        throw new LogicException('This driver only authorises.');
    }

    private function signature(string $text): string
    {
        return $this->key.':'.hash_hmac('sha256', $text, $this->secret);
    }
}
