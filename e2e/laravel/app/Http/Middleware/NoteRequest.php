<?php

namespace App\Http\Middleware;

use Closure;
use Illuminate\Http\Request;

/**
 * Writes down what the broadcasting server asked, for the tests to read.
 */
class NoteRequest
{
    public function handle(Request $request, Closure $next)
    {
        $response = $next($request);
        $note = [
            'path' => '/'.$request->path(),
            'channel' => $request->input('channel_name'),
            'socketId' => $request->input('socket_id'),
            'headers' => array_map(function ($values) {
                return implode(', ', $values);
            }, $request->headers->all()),
            'status' => $response->getStatusCode(),
        ];
        file_put_contents(storage_path('requests.jsonl'), json_encode($note)."\n", FILE_APPEND | LOCK_EX);

        return $response;
    }
}
