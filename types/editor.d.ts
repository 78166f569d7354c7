/*
 * Types of the editor side: what Node-RED's editor gives to the scripts in resources/, and what these give to each other.
 *
 * 1. Only what is used is here; Node-RED publishes no types of its editor's global `RED` that have all of it.
 * 2. Checked by `make lint`; nothing of it is in the package.
 */

import type { Kind } from "../node-red-nodes/lib/catalogue";
import type { Limits } from "../node-red-nodes/lib/limits";

export type Text = (key: string, values?: Record<string, unknown>) => string;

/** Which sentence of the catalogue an error is, and the values in it; `hint`: what to do, as it was said in English. */
export interface Said {
  id: string;
  values?: Record<string, unknown>;
  hint?: string;
}

export interface ErrorFacts {
  code: string;
  hint?: string | null;
  where?: string;
  said?: Said | null;
}

/** Errors in the user's language; the text is asked of the catalogue of the bridge's node. */
export interface ErrorWords {
  parts(error: ErrorFacts, text: Text): { happened: string; todo: string; isBridges: boolean } | null;
  sentence(said: Said, part: "message" | "hint", text: Text): string;
  whole(error: ErrorFacts, text: Text, options: { module?: string; slot?: unknown; english: string }): string;
}
export type Check = boolean | string;
export type Validator = (this: EditorNode, value: unknown, opt: unknown) => Check;

// -- Node-RED's editor -----------------------------------------------------------------------------------

export interface Property {
  value: string;
  type?: string;
  required?: boolean;
  validate?: Validator;
}

export type Defaults = Record<string, Property>;

/** A node as the editor keeps it; its properties are those of its definition. */
export interface EditorNode {
  id: string;
  type: string;
  z?: string;
  d?: boolean;
  dirty?: boolean;
  changed?: boolean;
  users?: unknown[];
  _def: NodeDefinition;
  _?: Text;
  [property: string]: unknown;
}

/** A node whose dialog is open: it can translate. */
export interface EditedNode extends EditorNode {
  _: Text;
}

export interface NodeDefinition {
  category: string;
  color: string;
  defaults: Defaults;
  inputs?: number;
  outputs?: number;
  icon: string;
  paletteLabel: string | ((this: unknown) => string);
  wisblock?: Needs;
  label: (this: EditorNode) => string;
  labelStyle: (this: EditorNode) => string;
  onadd?: (this: EditorNode) => void;
  oneditprepare?: (this: EditorNode) => void;
}

export interface Notification {
  close(): void;
  wisblockKeys: string[];
}

export interface Annotation {
  type: string;
  class: string;
  filter: (node: EditorNode) => boolean;
  element: () => Element;
  tooltip: (node: EditorNode) => string;
  show: (node: EditorNode) => boolean;
}

export interface EditorRed {
  _: Text;
  editor: { getEditStack(): EditorNode[]; validateNode(node: EditorNode): boolean };
  events: { on(name: string, handler: (...values: never[]) => void): void };
  history: { push(event: object): void };
  nodes: {
    add(node: EditorNode, options?: { source: string }): EditorNode;
    dirty(isDirty?: boolean): boolean;
    eachConfig(each: (node: EditorNode) => void): void;
    eachNode(each: (node: EditorNode) => void): void;
    getType(type: string): NodeDefinition;
    id(): string;
    node(id: string): EditorNode | null | undefined;
    registerType(type: string, definition: NodeDefinition): void;
    updateConfigNodeUsers(node: EditorNode, options: { action: "add" | "remove" }): void;
    workspace(id: string | undefined): { label?: string; disabled?: boolean } | undefined;
  };
  notify(content: JQuery, options: { type: string; timeout: number }): Notification;
  user: { hasPermission(permission: string): boolean };
  utils: {
    getNodeLabel(node: EditorNode, otherwise: string): string;
    validateTypedProperty(value: unknown, type: string, opt?: unknown): Check;
  };
  view: {
    annotations: { register(id: string, annotation: Annotation): void };
    createNode(type: string, x: number, y: number): { node: EditorNode; historyEvent: object } | undefined;
    focus(): void;
    redraw(all?: boolean): void;
    reveal(id: string, highlight?: boolean): void;
    scale(): number;
    select(what: { nodes: EditorNode[] }): void;
  };
  workspaces: { active(): string };
}

export type TypedInputType = string | {
  value: string;
  label: string;
  icon?: string;
  validate?: (value: unknown) => Check;
  options?: { value: string; label: string }[];
};

// -- the description in a module's html ----------------------------------------------------------------------

/** What a description says of a parameter; what it leaves out is the rule. */
export interface ParamDescription {
  name: string;
  kind: Kind;
  item_kind?: Kind | null;
  required?: boolean;
  default?: unknown;
  choices?: (string | number)[];
  low?: number | null;
  high?: number | null;
  /** Symbol of its unit. */
  unit?: string;
}

export type ParamFacts = Required<ParamDescription>;

export interface OperationForm {
  name: string;
  default?: boolean;
  reads_only?: boolean;
  drives?: string;
  payload_param?: string;
  params?: ParamDescription[];
}

export interface ModuleForm {
  slug: string;
  name: string;
  title: string;
  color: string;
  icon: string;
  slots: (number | string)[];
  needs: Omit<Needs, "name" | "slots">;
  operations: OperationForm[];
  events?: OperationForm[];
}

/** What a check needs to know of one field. */
export interface FieldFacts {
  kind?: Kind;
  item_kind?: Kind | null;
  label?: string;
  required?: boolean;
  choices?: (string | number)[];
  low?: number | null;
  high?: number | null;
  /** The only trigger with which the field counts. */
  trigger?: string;
}

export interface FormField {
  name: string;
  operation: string;
  isEvent: boolean;
  param: ParamFacts;
  key: string;
  types: string[];
  initial: { value: string; type: string };
  facts: FieldFacts;
}

// -- modules in slots ----------------------------------------------------------------------------------------

export interface Chip {
  chip: string;
  address: number;
  alternatives: number[];
}

export interface Needs {
  name: string;
  slots: (number | string)[];
  chips: Chip[];
  sharedPins: string[];
  spi: boolean;
  port: boolean;
}

/** A node of an enabled flow. */
export interface Claim {
  id: string;
  bridge: string;
  slot: string;
  needs: Needs;
}

/** A module in a slot, with all its nodes. */
export interface Place {
  bridge: string;
  slot: string;
  needs: Needs;
  claims: Claim[];
}

export interface Clash {
  kind: string;
  what: string;
  holder?: string;
  places: Place[];
  key: string;
}

/** What a bridge reported of its board. */
export interface Board {
  addresses?: { address: number; holder: string }[];
  straps?: { slot: number | string; chip: string; address: number }[];
  serial_ports?: { slot: number | string; device: string }[];
}

/** What is known of a bridge: nothing yet, why nothing, or what it reported. */
export interface Report extends Board {
  state: string;
  message?: string;
  slots?: { slot: number | string; module: string; open: boolean }[];
  plugged?: { slot: number | string; module?: string }[];
}

export interface Scan {
  state: string;
  refused?: string;
  message?: string;
  found?: { address: number; chip?: string; confidence?: string; note?: string; modules: string[]; warnings?: string[] }[];
}

export interface Line {
  tone: "good" | "plain" | "warning";
  key: string;
  values: Record<string, unknown>;
  detail: string;
}

/** What the bridge's status route answers. */
export interface BridgeStatus {
  version: string;
  board: string;
  emulated: boolean;
  versionMismatch: string;
  slots?: { slot: number | string; module?: string }[] | Record<string, { slot: number | string; module?: string }>;
}

// -- what the scripts give to each other -----------------------------------------------------------------------

export interface Fields {
  FIXED_FIELDS: string[];
  OUTSIDE_TYPES: string[];
  fieldName(operation: { name: string }, param: { name: string }): string;
  literalTypes(param: { kind: Kind; choices: (string | number)[] }): string[];
  initialField(operation: { payload_param?: string }, param: {
    name: string; kind: Kind; choices: (string | number)[]; required: boolean; low: number | null;
  }): { value: string; type: string };
  defaultOperation<Operation extends { default?: boolean }>(module: { operations: Operation[] }): Operation;
}

export interface SlotScripts {
  addressOf(chip: Chip, slot: number | string, board: Board | undefined): number;
  check(): void;
  choice(slot: string, report: Report | undefined): { key: string; values: Record<string, unknown> } | null;
  find(claims: Claim[], boards: Map<string, Board | undefined>): Clash[];
  hex(address: number): string;
  lines(needs: Needs, slot: string, report: Report | undefined, scan: Scan | undefined): Line[];
  prepare(node: EditorNode): void;
  watch(): void;
}

type Choices = ReturnType<typeof import("../node-red-nodes/lib/request-choices").requestChoices>;

export interface RequestFields {
  method: string;
  module: string;
  slot: string;
  operation: string;
  params: string;
}

export interface RequestScript {
  modules: Choices;
  allowed(param: Choices[number]["operations"][number]["params"][number], words: Text): string;
  checkParams: Validator;
  nearest(name: string, list: { name: string }[]): string;
  words(found: { key: string; values: Record<string, unknown> }, text: Text): string;
  load(): void;
  prepare(node: EditedNode): void;
  problem(modules: Choices, fields: RequestFields): { field: string; key: string; values: Record<string, unknown> } | null;
  validator(field: string): Validator;
}

/** The names that the scripts put into the window. */
export interface Scripts {
  wisblockBridge: {
    checkEndpoint: (value: unknown, opt: unknown) => Check;
    checkKey: (value: unknown, opt: unknown) => Check;
    checkLease: Validator;
    prepare(node: EditedNode): void;
    start(): void;
  };
  wisblockErrors: ErrorWords;
  wisblockFields: Fields;
  wisblockForm: {
    checkField(node: EditorNode, value: unknown, facts: FieldFacts): true | string;
    define(form: ModuleForm): NodeDefinition;
    labelStyle: (this: EditorNode) => string;
    moduleText(slug: string, key: string, otherwise: string): string;
    numberField(factsOf: (limits: Limits) => FieldFacts): Validator;
    plain(name: unknown): string;
    takeBridge(node: EditorNode): void;
    template(form: ModuleForm): string;
    text: Text;
  };
  wisblockLimits: Limits;
  wisblockRequest: RequestScript;
  wisblockSlots: SlotScripts;
}

declare global {
  const RED: EditorRed;

  interface Window extends Scripts {}

  interface JQuery {
    draggable(options: object): JQuery;
    typedInput(options: { types: TypedInputType[]; typeField?: string }): JQuery;
    typedInput(property: "value" | "type"): string;
    typedInput(property: "value" | "type", value: string): JQuery;
    typedInput(property: "types", types: TypedInputType[]): JQuery;
  }
}
