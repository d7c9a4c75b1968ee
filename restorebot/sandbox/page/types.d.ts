/**
 * What the page draws: Block Kit as workspace/shapes.py knows it, and a snapshot as page/server.py
 * sends it.
 */

export interface Text {
  type: "plain_text" | "mrkdwn";
  text: string;
  emoji?: boolean;
}

export interface Mrkdwn extends Text {
  type: "mrkdwn";
}

export interface Option {
  text: Text;
  value: string;
  description?: Text;
}

export interface Confirm {
  title: Text;
  text: Text;
  confirm: Text;
  deny: Text;
}

export interface Button {
  type: "button";
  action_id: string;
  text: Text;
  value?: string;
  style?: "primary" | "danger";
  confirm?: Confirm;
}

interface Field {
  action_id: string;
}

export interface TextInput extends Field {
  type: "plain_text_input";
  multiline?: boolean;
  max_length?: number;
  placeholder?: Text;
}

export interface DatetimePicker extends Field {
  type: "datetimepicker";
}

export interface Select extends Field {
  type: "static_select";
  options: Option[];
  placeholder?: Text;
}

export interface Checkboxes extends Field {
  type: "checkboxes";
  options: Option[];
}

export type InputElement = TextInput | DatetimePicker | Select | Checkboxes;
export type Element = Button | InputElement | Mrkdwn;

export interface Header {
  type: "header";
  text: Text;
}

export interface Section {
  type: "section";
  text?: Text;
  fields?: Text[];
}

export interface Context {
  type: "context";
  elements: Element[];
}

export interface Actions {
  type: "actions";
  elements: Element[];
}

export interface Input {
  type: "input";
  block_id: string;
  label: Text;
  element: InputElement;
  hint?: Text;
  optional?: boolean;
  dispatch_action?: boolean;
}

export type Block = Header | Section | Context | Actions | Input;

/** The state of an element, as Slack shows it; each kind has one of the members. */
export interface Entry {
  value?: string | null;
  selected_date_time?: number | null;
  selected_option?: Option | null;
  selected_options?: Option[];
}

/** What a person has entered, as the workspace takes it. */
export type Value = string | string[];

/** Values by block_id and action_id. */
export type Values = Record<string, Record<string, Value>>;

export interface View {
  id: string;
  hash: string;
  blocks: Block[];
  title: Text;
  submit?: Text | null;
  close?: Text | null;
  state: { values: Record<string, Record<string, Entry>> };
}

/** The names that mentions are shown by. */
export interface Names {
  you: string;
  people: Record<string, { name: string }>;
  channels: Record<string, string>;
  usergroups: Record<string, string>;
}

/** What a person can do with blocks; `prefix` makes the ids of fields unique in the page. */
export interface Handlers {
  prefix: string;
  act(element: Button | InputElement, value: Value | undefined, control: HTMLElement): unknown;
  value(block: Input, element: InputElement): Value | undefined;
}

export interface Message {
  ts: string;
  thread_ts: string | null;
  user: string;
  text: string;
  blocks: Block[];
  edited_mark: boolean;
}

export interface PrivateMessage {
  channel: string;
  ts: string;
  text: string;
  blocks: Block[];
  at: number;
}

/** A message as a list shows it. */
export interface Item {
  key: string;
  user: string;
  /** Seconds since 1970. */
  at: number;
  text: string;
  blocks: Block[];
  isEdited: boolean;
  isPrivate: boolean;
  /** What stands below it, such as the link to its thread. */
  foot: HTMLElement | null;
}

export interface Channel {
  id: string;
  name: string;
  is_im: boolean;
}

export interface Command {
  command: string;
  usage: string;
  description: string;
}

export interface Slack {
  bot: string;
  commands: Command[];
  people: Record<string, { name: string; real_name: string }>;
  usergroups: Record<string, string>;
  channels: Channel[];
  messages: Record<string, Message[]>;
  private: PrivateMessage[];
  views: View[];
  home: View | null;
  faults: Record<string, unknown>;
}

export interface Backup {
  id: string;
  fileName: string;
  storageType: number;
  createdOn: string;
}

export interface Task {
  progress: number;
  error: string;
  isCompleted: boolean;
}

export interface Portal {
  alias: string;
  /** The deployment that it behaves as. */
  profile: string;
  tenantStatus: number;
  history: Backup[];
  tasks: { restore: Task | null };
  faults: Record<string, unknown>;
  keys: number;
  starts: unknown[];
  away: boolean;
  /** Real seconds that a restore takes. */
  takes: number;
}

export interface Snapshot {
  you: string;
  slack: Slack;
  portal: Portal;
  bot: { runs: boolean; connected: boolean };
}

/** What the server answers to something that a person does. */
export interface Answer {
  acked?: boolean;
  error?: string | null;
  errors?: Record<string, string> | null;
}
