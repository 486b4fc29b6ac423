package hostile

import (
	"fulmen/internal/ipc"
	"fulmen/internal/ipc/channeldmsg"
	"fulmen/internal/ipc/connectdmsg"
	"fulmen/internal/ipc/gossipdmsg"
	"fulmen/internal/ipc/gossipmsg"
	"fulmen/internal/ipc/hsmdmsg"
	"fulmen/internal/ipc/onchaindmsg"
	"fulmen/internal/ipc/peermsg"
)

// ToChanneld is what lightningd says to a channeld.
var ToChanneld = []ipc.Message{
	&channeldmsg.Setup{},
	&channeldmsg.Offer{},
	&channeldmsg.Settle{},
	&channeldmsg.SetFeerate{},
	&channeldmsg.Shutdown{},
	&channeldmsg.FundingDepth{},
	&channeldmsg.NewHeight{},
	&channeldmsg.SetPolicy{},
	&channeldmsg.FundingChosen{},
	&channeldmsg.Stored{},
	&channeldmsg.SendError{},
	&channeldmsg.Describe{},
}

// FromChanneld is what a channeld says to lightningd.
var FromChanneld = []ipc.Message{
	&channeldmsg.Announcement{},
	&channeldmsg.DescribeReply{},
	&channeldmsg.Failing{},
	&channeldmsg.FutureState{},
	&channeldmsg.Incoming{},
	&channeldmsg.MutualClose{},
	&channeldmsg.NeedFunding{},
	&channeldmsg.OfferFailed{},
	&channeldmsg.Opened{},
	&channeldmsg.PeerText{},
	&channeldmsg.Reestablished{},
	&channeldmsg.StateChanged{},
	&channeldmsg.Store{},
}

// ToConnectd is what lightningd says to connectd.
var ToConnectd = []ipc.Message{
	&connectdmsg.Init{},
	&connectdmsg.Connect{},
	&connectdmsg.Disconnect{},
	&connectdmsg.AttachChannel{},
	&connectdmsg.Serve{},
	&connectdmsg.SendPeer{},
	&connectdmsg.Ping{},
	&connectdmsg.LetThrough{},
	&connectdmsg.GossipStore{},
}

// FromConnectd is what connectd says to lightningd.
var FromConnectd = []ipc.Message{
	&connectdmsg.ConnectReply{},
	&connectdmsg.InitReply{},
	&connectdmsg.PeerConnected{},
	&connectdmsg.PeerDisconnected{},
	&connectdmsg.PeerSent{},
	&connectdmsg.PingReply{},
}

// ToGossipd is what lightningd says to gossipd.
var ToGossipd = []ipc.Message{
	&gossipdmsg.Init{},
	&gossipdmsg.SetChannel{},
	&gossipdmsg.ForgetChannel{},
	&gossipdmsg.Announce{},
	&gossipdmsg.SetNode{},
	&gossipdmsg.NewBlock{},
	&gossipdmsg.AddGossip{},
	&gossipdmsg.FindNode{},
	&gossipdmsg.PickNodes{},
	&gossipdmsg.FundingChecked{},
	&gossipdmsg.StoreFile{},
	&gossipdmsg.StoreUsed{},
}

// FromGossipd is what gossipd says to lightningd.
var FromGossipd = []ipc.Message{
	&gossipdmsg.BadPeer{},
	&gossipdmsg.OwnUpdate{},
	&gossipdmsg.PeerUpdate{},
	&gossipdmsg.CheckFunding{},
	&gossipdmsg.NewStore{},
	&gossipdmsg.UseStore{},
	&gossipdmsg.AddGossipReply{},
	&gossipdmsg.FindNodeReply{},
	&gossipdmsg.PickNodesReply{},
}

// Gossip is what connectd and gossipd say to each other.
var Gossip = []ipc.Message{
	&gossipmsg.PeerDown{},
	&gossipmsg.PeerGossip{},
	&gossipmsg.PeerUp{},
}

// ToOnchaind is what lightningd says to an onchaind.
var ToOnchaind = []ipc.Message{
	&onchaindmsg.GiveUp{},
	&onchaindmsg.HTLCs{},
	&onchaindmsg.Init{},
	&onchaindmsg.NewHeight{},
	&onchaindmsg.OutputSpent{},
	&onchaindmsg.Preimages{},
	&onchaindmsg.SignClaims{},
}

// FromOnchaind is what an onchaind says to lightningd.
var FromOnchaind = []ipc.Message{
	&onchaindmsg.Claim{},
	&onchaindmsg.FailedUpstream{},
	&onchaindmsg.Learned{},
	&onchaindmsg.Movement{},
	&onchaindmsg.NeedHTLCs{},
	&onchaindmsg.Processed{},
	&onchaindmsg.Resolved{},
	&onchaindmsg.SignClaimsReply{},
	&onchaindmsg.Started{},
	&onchaindmsg.Status{},
	&onchaindmsg.Unclaim{},
	&onchaindmsg.Unwatch{},
	&onchaindmsg.Watch{},
}

// ToHsmd is what hsmd is asked.
var ToHsmd = []ipc.Message{
	&hsmdmsg.AllowShutdownScript{},
	&hsmdmsg.CheckFutureSecret{},
	&hsmdmsg.DeriveSecret{},
	&hsmdmsg.ECDH{},
	&hsmdmsg.ForgetChannel{},
	&hsmdmsg.GetBasepoints{},
	&hsmdmsg.GetPerCommitmentPoint{},
	&hsmdmsg.GetPublishedPoint{},
	&hsmdmsg.Init{},
	&hsmdmsg.NewClient{},
	&hsmdmsg.RevokeLocal{},
	&hsmdmsg.SetupChannel{},
	&hsmdmsg.SignAnchor{},
	&hsmdmsg.SignChannelAnnouncement{},
	&hsmdmsg.SignChannelUpdate{},
	&hsmdmsg.SignClaim{},
	&hsmdmsg.SignInvoice{},
	&hsmdmsg.SignLocalCommitment{},
	&hsmdmsg.SignMessage{},
	&hsmdmsg.SignWalletMessage{},
	&hsmdmsg.SignMutualClose{},
	&hsmdmsg.SignNodeAnnouncement{},
	&hsmdmsg.SignRemoteCommitment{},
	&hsmdmsg.SignWallet{},
}

// FromHsmd is what hsmd answers.
var FromHsmd = []ipc.Message{
	&hsmdmsg.AllowShutdownScriptReply{},
	&hsmdmsg.CheckFutureSecretReply{},
	&hsmdmsg.DeriveSecretReply{},
	&hsmdmsg.ECDHReply{},
	&hsmdmsg.ForgetChannelReply{},
	&hsmdmsg.GetBasepointsReply{},
	&hsmdmsg.GetPerCommitmentPointReply{},
	&hsmdmsg.GetPublishedPointReply{},
	&hsmdmsg.InitReply{},
	&hsmdmsg.NewClientReply{},
	&hsmdmsg.RevokeLocalReply{},
	&hsmdmsg.SetupChannelReply{},
	&hsmdmsg.SignAnchorReply{},
	&hsmdmsg.SignChannelAnnouncementReply{},
	&hsmdmsg.SignChannelUpdateReply{},
	&hsmdmsg.SignInvoiceReply{},
	&hsmdmsg.SignLocalCommitmentReply{},
	&hsmdmsg.SignClaimReply{},
	&hsmdmsg.SignMessageReply{},
	&hsmdmsg.SignWalletMessageReply{},
	&hsmdmsg.SignMutualCloseReply{},
	&hsmdmsg.SignNodeAnnouncementReply{},
	&hsmdmsg.SignRemoteCommitmentReply{},
	&hsmdmsg.SignWalletReply{},
}

// Peer is what channeld and connectd say to each other.
var Peer = []ipc.Message{
	&peermsg.AlsoKnownAs{},
	&peermsg.Messages{},
}

// Everything is all of these: a process that was taken over need not keep to its own link.
var Everything = join(ToChanneld, FromChanneld, ToConnectd, FromConnectd, ToGossipd, FromGossipd, Gossip, ToOnchaind, FromOnchaind, ToHsmd, FromHsmd, Peer)

func join(lists ...[]ipc.Message) (all []ipc.Message) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}
