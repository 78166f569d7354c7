/*
 * Types of the sidebar "WisBlock": what its scripts in resources/sidebar/ give to each other.
 *
 * 1. What a bridge says is `any` or a map of unknown things until somebody has looked at it.
 */

import type { EditorNode, ErrorFacts, ErrorWords, Said, Scripts, Text } from "./editor";

export type Attributes = Record<string, unknown>;
export type Tone = "working" | "uncertain" | "failing" | "idle";
export type NodeTone = "offline" | "failing" | "uncertain" | "working";
type Child = Node | string | null;

export interface Dom {
  button(options: {
    key: string; click: () => void; text?: string; icon?: string; label?: string; class?: string; title?: string; disabled?: boolean; more?: Attributes;
  }): HTMLButtonElement;
  h<Tag extends keyof HTMLElementTagNameMap>(tag: Tag, attributes: Attributes | null, ...children: Child[]): HTMLElementTagNameMap[Tag];
  icon(name: string): HTMLElement;
  replace(element: Element, ...children: Child[]): void;
  s<Tag extends keyof SVGElementTagNameMap>(tag: Tag, attributes: Attributes | null, ...children: Child[]): SVGElementTagNameMap[Tag];
  say(element: Element, text: string): void;
}

export interface Unit {
  symbol: string;
  decimals: number;
}

export interface Words {
  ago(ms: number): string;
  clock(at: number): string;
  error(code: string): string;
  explain(error: ErrorFacts): ReturnType<ErrorWords["parts"]>;
  failure(answer: Record<string, any>): string;
  known(key: string, otherwise: string): string;
  ofBridge(happened: string, message: string): string;
  param(module: Record<string, any> | undefined, operation: string, name: string): string;
  plain(name: unknown): string;
  quantity(name: unknown): string;
  reading(module: Record<string, any> | undefined, name: string): string;
  slot(slot: number | string): string;
  text: Text;
  title(module: Record<string, any> | undefined): string;
  value(value: unknown, unit: Unit | undefined, kind: string): string;
}

export interface Feed {
  want(isWanted: boolean): void;
}

/** An answer of Node-RED: `state` is "done", or why not. */
export interface Answer {
  state: string;
  code?: unknown;
  message?: unknown;
  text?: unknown;
  found?: any[];
  layout?: any[];
  quantities?: any[];
}

export type Ask = (method: "GET" | "POST", address: string, body?: object) => Promise<Answer>;

// -- what is known of a bridge -----------------------------------------------------------------------------

export interface Value {
  key: string;
  kind: "result" | "event";
  name: string;
  params: Record<string, unknown>;
  readings: Record<string, any>;
  error: Record<string, any> | null;
  quality: string;
  note: string;
  timestamp: number;
  at: number;
  failingSince: number;
  uncertainSince: number;
}

/** The reading that stands for a module. */
export interface Main {
  key: string;
  reading: string;
  value: any;
  unit: Unit | undefined;
  kind: string;
}

export interface Point {
  at: number;
  value: number;
}

/** A module in use. */
export interface Place {
  module: string;
  slot: number | string;
  open: boolean;
  failing: boolean;
  idle: boolean;
  lastError: Record<string, any> | null;
  failingSince: number;
  claims: { client: string; address: string; nodes: string[] }[];
  held: { output: string; client: string }[];
  values: Map<string, Value>;
  main: Main | null;
  history: Point[];
}

/** A slot as it is drawn. */
export interface SlotPicture {
  slot: number | string;
  kind: "io" | "sensor";
  pins: Record<string, any>[];
  place: Place | null;
  /** On an emulated board what is plugged in, "" for nothing; null where nobody can know. */
  plugged: string | null;
  fits: Record<string, any>[];
  fault: string;
  faults: string[];
  pluggable: string[];
}

export interface Bridge {
  id: string;
  name: string;
  state: string;
  info: Record<string, any>;
  version: string;
  boardName: string;
  why: Failure | null;
  since: number;
  status: Record<string, any>;
  places: Map<string, Place>;
  modules: Map<string, Record<string, any>>;
  units: Record<string, Unit>;
  unobserved: Failure | null;
  trouble: Failure | null;
  hasStatus: boolean;
  isDemo: boolean;
  readonly isEmulated: boolean;
  apply(message: any): boolean;
  onBoard(): Place[];
  reading(module: string, value: Value, name: string): { unit: Unit | undefined; kind: string; low: unknown; high: unknown };
  slots(): SlotPicture[];
  tone(place: Place): Tone;
  trim(place: Place): void;
}

/** Why the bridge cannot be seen as it is; `said`: the sentence, where it is one of this package. */
export interface Failure {
  code: string;
  message: string;
  said: Said | null;
}

export interface Problem {
  key: string;
  tone: Tone;
  code: string;
  message: string;
  hint: string;
  said?: Said | null;
  module: string;
  slot: number | string | null;
  since: number;
  page: string;
}

export type Problems = (bridges: Bridge[]) => (Problem & { bridge: string })[];
export type Sparkline = (points: Point[], now: number, size: { width: number; height: number }, step: boolean) => string;
export type HealthMark = (tone: Tone, x: number, y: number) => SVGGElement;

// -- what is drawn -----------------------------------------------------------------------------------------

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export type BoardLayout = (width: number, counts: { io: number; sensor: number; modules: number; chips: number }) => {
  width: number; height: number; io: Box[]; sensor: Box[]; modules: Box[]; chips: Box[];
};

/** A module with the place that a new node is to have. */
export interface Fitting {
  module: Record<string, any>;
  bridge: string;
  slot: number | string;
}

export interface Holder {
  id: string;
  label: string;
  client: string;
}

export interface Canvas {
  add(what: Fitting): void;
  drag(element: HTMLElement, what: Fitting): void;
  holders(bridge: string, place: Place): Holder[];
  look(module: Record<string, any> | null): { icon: string; color: string };
  reveal(id: string): void;
}

export interface BoardView {
  element: HTMLElement;
  build(width: number, selected: string): void;
  update(): void;
}

export type PinsTable = (pins: Record<string, any>[], slot: string) => HTMLElement;

export interface PinsPopover {
  element: HTMLElement;
  anchor: Element | null;
  show(anchor: Element, pins: Record<string, any>[], slot: string): void;
  hide(): void;
}

/** What `emulator.list` says of one quantity. */
export interface Quantity {
  quantity: string;
  unit: string;
  low: number;
  high: number;
  writable: boolean;
  control: string;
  choices?: unknown[];
  value?: any;
}

export interface Control {
  element: HTMLElement;
  set(value: any): void;
}

export type MakeControl = (quantity: Quantity, unit: Unit | undefined, send: (value: any) => Promise<any>, mayWrite: boolean) => Control;
export type MakeSwitch = (options: { label: string; key: string; isOn: boolean; disabled: boolean; change: (isOn: boolean) => void }) => HTMLButtonElement;

export interface WorldView {
  element: HTMLElement;
  act(action: string, params: Record<string, unknown>): Promise<Answer>;
  build(slot: SlotPicture, mayWrite: boolean): void;
  follow(place: Place | null): void;
  refresh(): Promise<void>;
}

export interface SlotView {
  element: HTMLElement;
  world: WorldView;
  build(slot: SlotPicture | null, mayWrite: boolean): void;
  update(): void;
}

export interface BridgeView {
  element: HTMLElement;
  popover: PinsPopover;
  build(width: number): void;
  name(): string;
  remove(): void;
  tick(): void;
  update(): void;
}

export interface ProblemsView {
  element: HTMLElement;
  build(all: (Problem & { bridge: string })[], nameOf: (id: string) => string): void;
}

export interface NodeTones {
  set(id: string, status: unknown): boolean;
  remove(id: string): boolean;
  worst(): { tone: NodeTone | "idle"; count: number };
}

export interface StatusButton {
  start(): void;
}

/** What the scripts put into `window.wisblockSidebar`, each its part, in whatever order they are loaded. */
export interface Wb {
  HISTORY_MS: number;
  BoardView: new (bridge: Bridge, actions: { select: (slot: string) => void; hover: (slot: string | null, anchor: Element | null) => void }) => BoardView;
  BridgeState: new (id: string, now?: () => number) => Bridge;
  BridgeView: new (bridge: Bridge, scroller: HTMLElement) => BridgeView;
  Feed: new (options: { onMessage: (message: any) => void; onState: (state: "open" | "lost" | "forbidden") => void }) => Feed;
  NodeTones: new () => NodeTones;
  PinsPopover: new (inside: HTMLElement) => PinsPopover;
  ProblemsView: new () => ProblemsView;
  SlotView: new (bridge: Bridge) => SlotView;
  StatusButton: new () => StatusButton;
  WorldView: new (bridge: Bridge) => WorldView;
  ask: Ask;
  boardLayout: BoardLayout;
  canvas: Canvas;
  dom: Dom;
  healthMark: HealthMark;
  makeControl: MakeControl;
  makeSwitch: MakeSwitch;
  pinsTable: PinsTable;
  problems: Problems;
  sparkline: Sparkline;
  start(): void;
  words: Words;
}

export interface Root {
  wisblockErrors: ErrorWords;
  wisblockForm: Scripts["wisblockForm"];
  wisblockSidebar?: any;
}

// -- what Node-RED's editor gives to it --------------------------------------------------------------------

declare module "./editor" {
  interface EditorNode {
    resize?: boolean;
  }

  interface EditorRed {
    actions: { add(name: string, handler: () => void, options?: { label: string }): void; invoke(name: string): void };
    comms: { subscribe(topic: string, handler: (topic: string, message: unknown) => void): void };
    i18n: { lang(): string };
    keyboard: { add(scope: string, keys: string, action: string): void };
    popover: { tooltip(target: JQuery, text: string, action: string): { setContent(text: string): void } };
    settings: { get(name: string): any; apiRootUrl: string };
    statusBar: { add(widget: { id: string; align: "left" | "right"; element: JQuery }): void };
    sidebar: { addTab(options: object): void; show(id: string): void };
  }
}

declare global {
  interface Window extends Root {}
}
