package autoclean

import "encoding/json"

// entry is what an entry of one of the lists says, as far as cleaning needs it. Times are unix seconds.
type entry struct {
	CreatedIndex uint64 `json:"created_index"`
	Status       string `json:"status"`

	// listinvoices
	Label     json.RawMessage `json:"label"`
	ExpiresAt float64         `json:"expires_at"`
	PaidAt    float64         `json:"paid_at"`

	// listsendpays
	PaymentHash string  `json:"payment_hash"`
	PartID      uint64  `json:"partid"`
	GroupID     uint64  `json:"groupid"`
	CreatedAt   float64 `json:"created_at"`
	CompletedAt float64 `json:"completed_at"`

	// listforwards
	InChannel    string  `json:"in_channel"`
	InHTLCID     uint64  `json:"in_htlc_id"`
	ReceivedTime float64 `json:"received_time"`
	ResolvedTime float64 `json:"resolved_time"`
}

type object = map[string]any

// list is how entries of one kind are read and deleted.
type list struct {
	command  string // that lists them
	result   string // the member of its result that has them
	filters  bool   // it takes a status
	over     func(*entry) float64
	deletion func(*entry) (command string, params object)
}

// subsystem is entries that are cleaned by an age of their own: those of a list with one of these statuses.
type subsystem struct {
	name     string
	what     string // for people
	list     *list  // nil: this node keeps none
	statuses []string
}

var (
	forwards = &list{
		command: "listforwards", result: "forwards", filters: true,
		over: func(e *entry) float64 { return max(e.ReceivedTime, e.ResolvedTime) }, // local_failed has no resolved_time
		deletion: func(e *entry) (string, object) {
			return "delforward", object{"in_channel": e.InChannel, "in_htlc_id": e.InHTLCID, "status": e.Status}
		},
	}
	sendpays = &list{
		command: "listsendpays", result: "payments", filters: true,
		over: func(e *entry) float64 { return max(e.CreatedAt, e.CompletedAt) },
		deletion: func(e *entry) (string, object) {
			return "delpay", object{"payment_hash": e.PaymentHash, "status": e.Status, "partid": e.PartID, "groupid": e.GroupID}
		},
	}
	invoices = &list{
		command: "listinvoices", result: "invoices",
		over: func(e *entry) float64 {
			if e.Status == "paid" {
				return e.PaidAt
			}
			return e.ExpiresAt
		},
		deletion: func(e *entry) (string, object) {
			return "delinvoice", object{"label": e.Label, "status": e.Status}
		},
	}
)

var subsystems = []*subsystem{
	{"succeededforwards", "forwards that were settled", forwards, []string{"settled"}},
	{"failedforwards", "forwards that failed", forwards, []string{"failed", "local_failed"}},
	{"succeededpays", "payments that were made", sendpays, []string{"complete"}},
	{"failedpays", "parts of payments that failed", sendpays, []string{"failed"}},
	{"paidinvoices", "invoices that were paid", invoices, []string{"paid"}},
	{"expiredinvoices", "invoices that expired unpaid", invoices, []string{"expired"}},
	{"networkevents", "network events that came", nil, nil},
}
