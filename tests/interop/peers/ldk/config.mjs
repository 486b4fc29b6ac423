// What our node asks of channels; a case may ask for more.
import { ldk } from "./ldk.mjs";

// userConfig is for one channel that we open, or for all that we accept.
export function userConfig(how = {}) {
  const config = ldk.UserConfig.constructor_default();
  const hand = config.get_channel_handshake_config();
  hand.set_announce_for_forwarding(!how.private);
  hand.set_negotiate_anchors_zero_fee_htlc_tx(how.type !== "static_remote_key");
  hand.set_negotiate_scid_privacy(Boolean(how.alias));
  if (how.confirms) hand.set_minimum_depth(how.confirms);
  hand.set_our_max_accepted_htlcs(483);
  hand.set_max_inbound_htlc_value_in_flight_percent_of_channel(100);
  config.set_channel_handshake_config(hand);
  const limits = config.get_channel_handshake_limits();
  limits.set_force_announced_channel_preference(false);
  if (how.large) limits.set_max_funding_satoshis(1_000_000_000n);
  config.set_channel_handshake_limits(limits);
  config.set_accept_forwards_to_priv_channels(true);
  config.set_manually_accept_inbound_channels(true); // anchors are not accepted otherwise
  return config;
}
