package interop

// ldkCannot says which cases LDK cannot do, and why.
var ldkCannot = map[string]string{
	"close/ours-simple":                noSimpleClose,
	"close/theirs-simple":              noSimpleClose,
	"close/ours-simple-opened-by-peer": noSimpleClose,
	"close/nothing-is-theirs-simple":   noSimpleClose,
}

const noSimpleClose = "it has no option_simple_close"
