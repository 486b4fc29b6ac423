package rpc

// Code says why a request failed; clients act on it, so a code never changes its meaning.
type Code int

// Codes of JSON-RPC 2.0 itself.
const (
	CodeParse          Code = -32700 // not JSON
	CodeInvalidRequest Code = -32600 // JSON, but not a request
	CodeUnknownMethod  Code = -32601
	CodeInvalidParams  Code = -32602 // the message names the parameter
	CodeInternal       Code = -32603 // a bug of ours
)

// Codes of any command.
const (
	CodeFailed           Code = -1 // for what has no code of its own
	CodePluginError      Code = -3
	CodePluginTerminated Code = -4
	CodeShutdown         Code = -5
)

// Codes of pay, sendpay, waitsendpay, delpay, xpay and getroutes.
const (
	CodePayInProgress          Code = 200 // or not complete in time
	CodePayRHashAlreadyUsed    Code = 201 // paid with another amount or destination
	CodePayUnparseableOnion    Code = 202
	CodePayDestinationFail     Code = 203
	CodePayTryOtherRoute       Code = 204
	CodePayRouteNotFound       Code = 205
	CodePayRouteTooExpensive   Code = 206
	CodePayInvoiceExpired      Code = 207
	CodePayNoSuchPayment       Code = 208
	CodePayUnspecified         Code = 209
	CodePayStoppedRetrying     Code = 210 // timed out with no part in progress
	CodePayStatusUnexpected    Code = 211
	CodePayInvalidInvoice      Code = 212
	CodePayInsufficientFunds   Code = 215
	CodePayInjectFailed        Code = 218
	CodePayAlreadyPaid         Code = 219
	CodePayUnreachableCapacity Code = 220
)

// Codes of commands that fund channels or spend coins.
const (
	CodeFundMaxExceeded        Code = 300
	CodeFundCannotAfford       Code = 301
	CodeFundOutputIsDust       Code = 302
	CodeFundBroadcastFail      Code = 303
	CodeFundStillSyncing       Code = 304
	CodeFundPeerNotConnected   Code = 305
	CodeFundUnknownPeer        Code = 306
	CodeFundNothingToCancel    Code = 307
	CodeFundCancelNotSafe      Code = 308
	CodeFundPSBTInvalid        Code = 309
	CodeFundV2NotSupported     Code = 310
	CodeFundUnknownChannel     Code = 311
	CodeFundStateInvalid       Code = 312
	CodeFundEmergencyReserve   Code = 313 // min-emergency-msat could not be kept
	CodeSpliceBroadcastFail    Code = 350
	CodeSpliceWrongOwner       Code = 351
	CodeSpliceUnknownChannel   Code = 352
	CodeSpliceInvalidState     Code = 353
	CodeSpliceNotSupported     Code = 354
	CodeSpliceBusy             Code = 355
	CodeSpliceInputError       Code = 356
	CodeSpliceFundingLow       Code = 357
	CodeSpliceStateError       Code = 358
	CodeSpliceLowFee           Code = 359
	CodeSpliceHighFee          Code = 360
	CodeSplicePeerDisconnected Code = 361
)

// Codes of connect.
const (
	CodeConnectNoKnownAddress       Code = 400
	CodeConnectAllAddressesFailed   Code = 401
	CodeConnectDisconnectedMeantime Code = 402
)

// Codes of invoice commands.
const (
	CodeInvoiceLabelExists      Code = 900
	CodeInvoicePreimageExists   Code = 901
	CodeInvoiceHintsUnusable    Code = 902
	CodeInvoiceExpiredWaiting   Code = 903
	CodeInvoiceWaitTimeout      Code = 904
	CodeInvoiceNotFound         Code = 905
	CodeInvoiceStatusUnexpected Code = 906 // data has current_status and expected_status
	CodeInvoiceOfferInactive    Code = 907
	CodeInvoiceNoDescription    Code = 908
)

// Codes of offers, their invoices and proofs of payment.
const (
	CodeOfferExists          Code = 1000
	CodeOfferAlreadyDisabled Code = 1001
	CodeOfferExpired         Code = 1002
	CodeOfferRouteNotFound   Code = 1003
	CodeOfferBadInvReqReply  Code = 1004
	CodeOfferTimeout         Code = 1005
	CodeOfferAlreadyEnabled  Code = 1006
	CodeProofNoPayment       Code = 1700
)

// Codes of the datastore commands.
const (
	CodeDatastoreDelDoesNotExist      Code = 1200
	CodeDatastoreDelWrongGeneration   Code = 1201
	CodeDatastoreUpdateExists         Code = 1202
	CodeDatastoreUpdateDoesNotExist   Code = 1203
	CodeDatastoreUpdateGeneration     Code = 1204
	CodeDatastoreUpdateHasChildren    Code = 1205
	CodeDatastoreUpdateParentHasValue Code = 1206
)

// Codes of the remaining commands.
const (
	CodeCheckMessageUnknownKey Code = 1301
	CodeDelForwardNotFound     Code = 1401
	CodeDelNetworkEventMissing Code = 1402
	CodeRuneNotAuthorized      Code = 1501
	CodeRuneNotPermitted       Code = 1502
	CodeRuneBlacklisted        Code = 1503
	CodeRecoverNotFresh        Code = 1600
	CodeWaitBlockHeightTimeout Code = 2000
	CodeCommandoLocal          Code = 19535
	CodeCommandoRemote         Code = 19536
	CodeCommandoNotAuthorized  Code = 19537
)
