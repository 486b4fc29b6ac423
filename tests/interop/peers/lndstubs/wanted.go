package main

// calls are what the driver asks of lnd.
var calls = map[string][]string{
	"lnrpc.State": {"GetState"},
	"lnrpc.Lightning": {
		"GetInfo", "NewAddress", "WalletBalance",
		"ConnectPeer", "DisconnectPeer", "ListPeers", "SendCustomMessage",
		"OpenChannelSync", "CloseChannel", "ListChannels", "PendingChannels", "UpdateChannelPolicy",
		"DescribeGraph", "GetChanInfo",
		"AddInvoice", "LookupInvoice", "ListInvoices", "DecodePayReq",
	},
	"routerrpc.Router":     {"SendPaymentV2", "SendToRouteV2"},
	"invoicesrpc.Invoices": {"AddHoldInvoice", "SettleInvoice", "CancelInvoice"},
}

// fields are those that the driver sets or reads, by message. A message of calls that is not here has none.
// An enum that a field has is whole.
var fields = map[string]string{
	"lnrpc.GetStateResponse":      "state",
	"lnrpc.GetInfoResponse":       "version identity_pubkey block_height synced_to_chain",
	"lnrpc.NewAddressRequest":     "type",
	"lnrpc.NewAddressResponse":    "address",
	"lnrpc.WalletBalanceResponse": "confirmed_balance",

	"lnrpc.ConnectPeerRequest":       "addr",
	"lnrpc.LightningAddress":         "pubkey host",
	"lnrpc.DisconnectPeerRequest":    "pub_key",
	"lnrpc.ListPeersResponse":        "peers",
	"lnrpc.Peer":                     "pub_key",
	"lnrpc.SendCustomMessageRequest": "peer type data",

	"lnrpc.OpenChannelRequest": "sat_per_vbyte node_pubkey local_funding_amount push_sat private close_address commitment_type scid_alias",
	"lnrpc.ChannelPoint":       "funding_txid_bytes funding_txid_str output_index",

	"lnrpc.ListChannelsResponse": "channels",
	"lnrpc.Channel": "active channel_point chan_id capacity local_balance remote_balance commit_fee fee_per_kw " +
		"pending_htlcs private initiator commitment_type local_constraints remote_constraints",
	"lnrpc.ChannelConstraints": "chan_reserve_sat dust_limit_sat",

	"lnrpc.CloseChannelRequest": "channel_point force sat_per_vbyte",

	"lnrpc.PendingChannelsResponse":                     "pending_force_closing_channels waiting_close_channels",
	"lnrpc.PendingChannelsResponse.ForceClosedChannel":  "channel",
	"lnrpc.PendingChannelsResponse.WaitingCloseChannel": "channel",
	"lnrpc.PendingChannelsResponse.PendingChannel":      "channel_point",

	"lnrpc.PolicyUpdateRequest":  "chan_point base_fee_msat fee_rate_ppm time_lock_delta max_htlc_msat min_htlc_msat min_htlc_msat_specified",
	"lnrpc.PolicyUpdateResponse": "failed_updates",
	"lnrpc.FailedUpdate":         "reason update_error",

	"lnrpc.ChannelGraph":    "nodes edges",
	"lnrpc.LightningNode":   "last_update pub_key alias",
	"lnrpc.ChannelEdge":     "channel_id node1_pub node2_pub node1_policy node2_policy",
	"lnrpc.RoutingPolicy":   "time_lock_delta min_htlc fee_base_msat fee_rate_milli_msat disabled max_htlc_msat",
	"lnrpc.ChanInfoRequest": "chan_id",

	"lnrpc.Invoice":             "value_msat payment_request expiry private state",
	"lnrpc.AddInvoiceResponse":  "payment_request",
	"lnrpc.PaymentHash":         "r_hash",
	"lnrpc.ListInvoiceRequest":  "num_max_invoices",
	"lnrpc.ListInvoiceResponse": "invoices",
	"lnrpc.PayReqString":        "pay_req",
	"lnrpc.PayReq":              "destination payment_hash cltv_expiry payment_addr num_msat",

	"lnrpc.Payment":     "payment_preimage status htlcs failure_reason",
	"lnrpc.HTLCAttempt": "status preimage failure",
	"lnrpc.Failure":     "code failure_source_index",
	"lnrpc.Route":       "total_time_lock total_amt_msat hops",
	"lnrpc.Hop":         "chan_id expiry amt_to_forward_msat fee_msat pub_key mpp_record",
	"lnrpc.MPPRecord":   "payment_addr total_amt_msat",

	"routerrpc.SendPaymentRequest": "dest payment_hash final_cltv_delta payment_request timeout_seconds fee_limit_sat " +
		"dest_custom_records amt_msat no_inflight_updates",
	"routerrpc.SendToRouteRequest": "payment_hash route",

	"invoicesrpc.AddHoldInvoiceRequest": "hash value_msat expiry private",
	"invoicesrpc.AddHoldInvoiceResp":    "payment_request",
	"invoicesrpc.SettleInvoiceMsg":      "preimage",
	"invoicesrpc.CancelInvoiceMsg":      "payment_hash",
}
