package hsmdmsg

import "fulmen/internal/ipc"

// A request has an even number and its reply the next one; a number is never used again.
const (
	TypeInit                         ipc.Type = 100
	TypeInitReply                    ipc.Type = 101
	TypeNewClient                    ipc.Type = 102
	TypeNewClientReply               ipc.Type = 103
	TypeForgetChannel                ipc.Type = 104
	TypeForgetChannelReply           ipc.Type = 105
	TypeAllowShutdownScript          ipc.Type = 106
	TypeAllowShutdownScriptReply     ipc.Type = 107
	TypeSignInvoice                  ipc.Type = 108
	TypeSignInvoiceReply             ipc.Type = 109
	TypeSignMessage                  ipc.Type = 110
	TypeSignMessageReply             ipc.Type = 111
	TypeDeriveSecret                 ipc.Type = 112
	TypeDeriveSecretReply            ipc.Type = 113
	TypeSignLocalCommitment          ipc.Type = 114
	TypeSignLocalCommitmentReply     ipc.Type = 115
	TypeSignWallet                   ipc.Type = 116
	TypeSignWalletReply              ipc.Type = 117
	TypeECDH                         ipc.Type = 118
	TypeECDHReply                    ipc.Type = 119
	TypeGetBasepoints                ipc.Type = 120
	TypeGetBasepointsReply           ipc.Type = 121
	TypeSetupChannel                 ipc.Type = 122
	TypeSetupChannelReply            ipc.Type = 123
	TypeSignRemoteCommitment         ipc.Type = 124
	TypeSignRemoteCommitmentReply    ipc.Type = 125
	TypeRevokeLocal                  ipc.Type = 126
	TypeRevokeLocalReply             ipc.Type = 127
	TypeGetPerCommitmentPoint        ipc.Type = 128
	TypeGetPerCommitmentPointReply   ipc.Type = 129
	TypeCheckFutureSecret            ipc.Type = 130
	TypeCheckFutureSecretReply       ipc.Type = 131
	TypeSignMutualClose              ipc.Type = 132
	TypeSignMutualCloseReply         ipc.Type = 133
	TypeSignChannelAnnouncement      ipc.Type = 134
	TypeSignChannelAnnouncementReply ipc.Type = 135
	TypeSignNodeAnnouncement         ipc.Type = 136
	TypeSignNodeAnnouncementReply    ipc.Type = 137
	TypeSignChannelUpdate            ipc.Type = 138
	TypeSignChannelUpdateReply       ipc.Type = 139
	TypeSignClaim                    ipc.Type = 140
	TypeSignClaimReply               ipc.Type = 141
	TypeSignAnchor                   ipc.Type = 142
	TypeSignAnchorReply              ipc.Type = 143
	TypeSignWalletMessage            ipc.Type = 144
	TypeSignWalletMessageReply       ipc.Type = 145
	TypeGetPublishedPoint            ipc.Type = 146
	TypeGetPublishedPointReply       ipc.Type = 147
)
