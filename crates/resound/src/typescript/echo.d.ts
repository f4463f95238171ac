type ChannelKind = "public" | "private" | "presence" | "encrypted";

/** What a page may listen to, as `Echo.listen` takes it. */
export type EventName = keyof Broadcasts & string;

/** What an event carries. */
export type EventPayload<Name extends EventName> = Broadcasts[Name]["payload"];

/** The names of channels, as `Echo.channel`, `private`, `join` and `encryptedPrivate` take them. */
export type ChannelName<K extends ChannelKind> = Broadcasts[keyof Broadcasts][K] | Notifications[keyof Notifications][K] | OtherChannels[K];

/** The events of a channel with their payloads. */
export type EventsOn<K extends ChannelKind, Channel extends string> = {
  [Name in EventName as Channel extends Broadcasts[Name][K] ? Name : never]: Broadcasts[Name]["payload"];
};

/** The notifications of a channel. */
export type NotificationOn<K extends ChannelKind, Channel extends string> = {
  [Name in keyof Notifications]: Channel extends Notifications[Name][K] ? Notifications[Name]["payload"] : never;
}[keyof Notifications];

export interface TypedChannel<Events, Notification = never> {
  listen<Name extends keyof Events & string>(event: Name, callback: (event: Events[Name]) => void): this;
  stopListening<Name extends keyof Events & string>(event: Name, callback?: (event: Events[Name]) => void): this;
  notification(callback: (notification: Notification) => void): this;
  stopListeningForNotification(callback: (notification: Notification) => void): this;
  listenForWhisper(event: string, callback: (data: any) => void): this;
  stopListeningForWhisper(event: string, callback?: (data: any) => void): this;
  subscribed(callback: () => void): this;
  error(callback: (error: any) => void): this;
}

export interface TypedPrivateChannel<Events, Notification = never> extends TypedChannel<Events, Notification> {
  whisper(event: string, data: Record<any, any>): this;
}

export interface TypedPresenceChannel<Events, Notification = never> extends TypedPrivateChannel<Events, Notification> {
  here(callback: (members: any[]) => void): this;
  joining(callback: (member: any) => void): this;
  leaving(callback: (member: any) => void): this;
}

/** Echo as it is, with the channels and events of this application: `const echo: TypedEcho = new Echo<"reverb">({ … })`. */
export interface TypedEcho<Driver extends BroadcastDriver = "reverb">
  extends Omit<Echo<Driver>, "channel" | "private" | "join" | "encryptedPrivate" | "listen"> {
  channel<Channel extends ChannelName<"public">>(channel: Channel): TypedChannel<EventsOn<"public", Channel>>;
  private<Channel extends ChannelName<"private">>(channel: Channel): TypedPrivateChannel<EventsOn<"private", Channel>, NotificationOn<"private", Channel>>;
  join<Channel extends ChannelName<"presence">>(channel: Channel): TypedPresenceChannel<EventsOn<"presence", Channel>, NotificationOn<"presence", Channel>>;
  encryptedPrivate<Channel extends ChannelName<"encrypted">>(channel: Channel): TypedPrivateChannel<EventsOn<"encrypted", Channel>, NotificationOn<"encrypted", Channel>>;
}
