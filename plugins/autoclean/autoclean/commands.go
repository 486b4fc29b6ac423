package autoclean

import (
	"context"
	"slices"

	"fulmen/internal/command"
)

// each has something for each subsystem.
type each[T any] struct {
	SucceededForwards *T `json:"succeededforwards,omitempty" doc:"Forwards that were settled."`
	FailedForwards    *T `json:"failedforwards,omitempty" doc:"Forwards that failed, here or further on."`
	SucceededPays     *T `json:"succeededpays,omitempty" doc:"Parts of payments that are complete."`
	FailedPays        *T `json:"failedpays,omitempty" doc:"Parts of payments that failed."`
	PaidInvoices      *T `json:"paidinvoices,omitempty" doc:"Invoices that were paid."`
	ExpiredInvoices   *T `json:"expiredinvoices,omitempty" doc:"Invoices that expired unpaid."`
	NetworkEvents     *T `json:"networkevents,omitempty" doc:"Network events; this node keeps none."`
}

// set says something of a subsystem, in the order of the list of them.
func (e *each[T]) set(s *subsystem, v T) {
	places := []**T{
		&e.SucceededForwards, &e.FailedForwards, &e.SucceededPays, &e.FailedPays, &e.PaidInvoices, &e.ExpiredInvoices, &e.NetworkEvents,
	}
	*places[slices.Index(subsystems, s)] = &v
}

func byName(name string) *subsystem {
	return subsystems[slices.IndexFunc(subsystems, func(s *subsystem) bool { return s.name == name })]
}

// Commands are all, for the plugin and for its pages.
func (c *Cleaner) Commands() []*command.Command {
	return []*command.Command{c.statusCommand(), c.onceCommand()}
}

type statusParams struct {
	Subsystem string `param:"subsystem,optional" enum:"succeededforwards,failedforwards,succeededpays,failedpays,paidinvoices,expiredinvoices,networkevents" doc:"Only this kind of entries."`
}

type status struct {
	Enabled bool   `json:"enabled" doc:"Whether they are deleted by themselves: whether the option autoclean-...-age is set."`
	Age     uint64 `json:"age,omitempty" doc:"How old they must be for that, in seconds."`
	Cleaned uint64 `json:"cleaned" doc:"How many were ever deleted."`
}

type statusResult struct {
	Autoclean each[status] `json:"autoclean" doc:"What is set and what was done, for each kind of entries."`
}

func (c *Cleaner) statusCommand() *command.Command {
	return command.New(command.Doc{
		Name: "autoclean-status", Category: command.Utility,
		Short: "Show which old entries are deleted by themselves, and how many were.",
		Long: "Options named autoclean-...-age set how old they must be, autoclean-cycle how often this is looked at. " +
			"setconfig changes all of them while the node runs.",
		SeeAlso: []string{"autoclean-once", "setconfig"},
	}, c.status)
}

func (c *Cleaner) status(ctx context.Context, p *statusParams) (*statusResult, error) {
	r := &statusResult{}
	for _, s := range subsystems {
		if p.Subsystem != "" && p.Subsystem != s.name {
			continue
		}
		cleaned, err := c.cleaned(ctx, s.name)
		if err != nil {
			return nil, err
		}
		age := c.age(s.name)
		r.Autoclean.set(s, status{Enabled: age > 0, Age: age, Cleaned: cleaned})
	}
	return r, nil
}

type onceParams struct {
	Subsystem string `param:"subsystem" enum:"succeededforwards,failedforwards,succeededpays,failedpays,paidinvoices,expiredinvoices,networkevents" doc:"Which entries."`
	Age       uint64 `param:"age" doc:"How old they must be, in seconds; at least 1. A forward's or payment's age is counted from its end, an invoice's from its payment or expiry."`
}

// Validate implements the check after parsing.
func (p *onceParams) Validate() error {
	if p.Age == 0 {
		return command.BadParam("age", "should be 1 at least")
	}
	return nil
}

type onceResult struct {
	Autoclean each[swept] `json:"autoclean" doc:"What was done."`
}

func (c *Cleaner) onceCommand() *command.Command {
	return command.New(command.Doc{
		Name: "autoclean-once", Category: command.Utility,
		Short: "Delete old entries of one kind now.",
		Long: "They are deleted one after the other, by delinvoice, delpay and delforward, with as much time between them as each takes: " +
			"the node goes on with its work. A payment that was deleted is no longer known to have been made: pay would pay the same invoice again.",
		SeeAlso: []string{"autoclean-status"},
	}, c.once)
}

func (c *Cleaner) once(ctx context.Context, p *onceParams) (*onceResult, error) {
	s := byName(p.Subsystem)
	done, err := c.clean(ctx, s, p.Age)
	if err != nil {
		return nil, err
	}
	r := &onceResult{}
	r.Autoclean.set(s, done)
	return r, nil
}
