// Messages and features that no BOLT defines.
import { ldk } from "./ldk.mjs";

export class Custom {
  constructor(features) {
    this.waiting = []; // to be sent
    const ok = () => ldk.Result_NoneNoneZ.constructor_ok();
    this.handler = ldk.CustomMessageHandler.new_impl({
      handle_custom_message: () => ldk.Result_NoneLightningErrorZ.constructor_ok(),
      get_and_clear_pending_msg: () => this.waiting.splice(0),
      peer_connected: ok,
      peer_disconnected() {},
      provided_node_features: () => ldk.NodeFeatures.constructor_empty(),
      provided_init_features: () => init(features),
    }, {
      read: () => ldk.Result_COption_TypeZDecodeErrorZ.constructor_ok(ldk.Option_TypeZ.constructor_none()),
    });
  }

  send(id, type, data) {
    const message = ldk.Type.new_impl({ type_id: () => type, debug_str: () => `custom message ${type}`, write: () => data });
    this.waiting.push(ldk.TwoTuple_PublicKeyTypeZ.constructor_new(id, message));
  }
}

// init has those bits set.
function init(bits) {
  const features = ldk.InitFeatures.constructor_empty();
  for (const bit of bits) {
    if (bit % 2) features.set_optional_custom_bit(bit);
    else features.set_required_custom_bit(bit);
  }
  return features;
}
