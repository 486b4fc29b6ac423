package interop

// ldkCannot says which cases LDK cannot do, and why.
var ldkCannot = map[string]string{
	"pay/route-hints":                  "it gives hints only while it has no public channel",
	"gossip/close-spreads":             "it does not watch the chain for channels of others that close",
	"reorg/funding-at-another-height":  "it closes a channel in use whose funding transaction is taken back",
	"close/ours-simple":                noSimpleClose,
	"close/theirs-simple":              noSimpleClose,
	"close/ours-simple-opened-by-peer": noSimpleClose,
	"close/nothing-is-theirs-simple":   noSimpleClose,
}

const noSimpleClose = "it has no option_simple_close"
