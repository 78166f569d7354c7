/* Types of our nodes in the runtime: Node-RED's own, and what ours add to them. */

import type { Node, NodeAPI, NodeDef, NodeMessageInFlow } from "node-red";
import type { BridgeConnection } from "../node-red-nodes/lib/bridge-connection";

export type Red = NodeAPI;

/** A message on its way, which the node fills. */
export type Message = NodeMessageInFlow & Record<string, unknown>;

/** The properties of a node as the flow file has them. */
export type Config = NodeDef & Record<string, any>;

export interface BridgeNode extends Node<Record<string, string>> {
  endpoint: string;
  leaseMs: number;
  connection: BridgeConnection;
  users: Record<string, object>;
}

/** A node that uses a bridge, and is called when that changes. */
export interface UserNode extends Node {
  bridgeChanged: (state: import("../node-red-nodes/lib/status").BridgeState, info?: import("../node-red-nodes/lib/bridge-connection").Info) => void;
  /** The config node was deployed again, and this node was not: Node-RED does not see that a variable leads to it. */
  bridgeReplaced: () => void;
}
