// Package channeldmsg has the messages between lightningd and the channeld of one channel.
//
// lightningd's first message is Setup, once. It has one of Open, Accept and Resume:
//
//	Open    channeld: NeedFunding; lightningd: FundingChosen; channeld: Opened
//	Accept  channeld: Opened
//	Resume  channeld: Reestablished
//
// Opened is also the channel's first Store. From then on orders (Offer, Settle, SetFeerate,
// Shutdown, FundingDepth, NewHeight, SetPolicy) go down whenever lightningd likes, and Stores come
// up. A Store is acknowledged by Stored once it is durable; one Stored may acknowledge many. Until
// then channeld sends the peer nothing that relies on it.
//
// An order that channeld had not stored when it died is lost: the next channeld's reports
// (Reestablished, and Incoming again) say what stands, and lightningd orders anew.
package channeldmsg

import "fulmen/internal/ipc"

// A request has an even number and its reply the next one; a number is never used again.
const (
	TypeSetup         ipc.Type = 300
	TypeOffer         ipc.Type = 302
	TypeSettle        ipc.Type = 304
	TypeSetFeerate    ipc.Type = 306
	TypeShutdown      ipc.Type = 308
	TypeFundingDepth  ipc.Type = 310
	TypeNewHeight     ipc.Type = 312
	TypeSetPolicy     ipc.Type = 314
	TypeFundingChosen ipc.Type = 316
	TypeStored        ipc.Type = 318
	TypeSendError     ipc.Type = 320
	TypeDescribe      ipc.Type = 322
	TypeDescribeReply ipc.Type = 323

	TypeNeedFunding   ipc.Type = 340
	TypeOpened        ipc.Type = 342
	TypeStore         ipc.Type = 344
	TypeOfferFailed   ipc.Type = 346
	TypeIncoming      ipc.Type = 348
	TypeReestablished ipc.Type = 350
	TypeStateChanged  ipc.Type = 352
	TypeAnnouncement  ipc.Type = 354
	TypeMutualClose   ipc.Type = 356
	TypePeerText      ipc.Type = 358
	TypeFailing       ipc.Type = 360
	TypeFutureState   ipc.Type = 362
)
