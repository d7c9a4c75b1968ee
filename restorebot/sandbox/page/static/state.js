// What the page keeps. A reload loses nothing of it but the answers that Slack's own client gives
// and no server knows.

/** @import { Names, Snapshot } from "../types" */

/** The app's Home tab, which stands among the channels. */
export const HOME = "home";

export const page = {
  /** @type {EventSource | null} */
  stream: null,
  /** @type {Snapshot | null} */
  snapshot: null,
  /** The channel on show, or HOME. */
  channel: "",
  /** Who the Home tab has been opened for. */
  homeOpenedFor: "",
  /** The ts of the message whose thread is open; an empty one follows the newest card. */
  thread: "",
  /**
   * What the client itself says.
   *
   * @type {{ user: string, channel: string, at: number, text: string }[]}
   */
  local: [],
};

/**
 * @param {Snapshot} snapshot
 * @returns {Names}
 */
export function namesOf({ you, slack }) {
  return {
    you,
    people: slack.people,
    channels: Object.fromEntries(slack.channels.map((one) => [one.id, one.name])),
    usergroups: slack.usergroups,
  };
}
