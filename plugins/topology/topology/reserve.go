package topology

import (
	"context"
	"fmt"
	"slices"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/command"
	"fulmen/internal/rpc"
)

// reservation is an amount that somebody is about to send over a direction.
type reservation struct {
	direction direction
	layer     string // the one layer that it is for; empty: for all
	amount    amount.Msat
	since     time.Time
	commandID string
}

type pathHop struct {
	Direction  scidd       `param:"short_channel_id_dir" doc:"The channel's direction."`
	AmountMsat amount.Msat `param:"amount_msat" doc:"The amount over it."`
	Layer      string      `param:"layer,optional" doc:"The one layer that this is for."`
}

type pathParams struct {
	Path []pathHop `param:"path" doc:"The channels, as getroutes gives them."`
}

func (t *Topology) reserveCommand() *command.Command {
	return command.New(askreneDoc("askrene-reserve", "Say that a path is being tried.",
		"Until askrene-unreserve, getroutes takes the amounts off what the channels can carry.",
		"askrene-unreserve", "askrene-listreservations", "getroutes"), t.reserve)
}

func (t *Topology) reserve(ctx context.Context, p *pathParams) (none, error) {
	id := t.config.CallID(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, h := range p.Path {
		t.reservations = append(t.reservations, reservation{direction(h.Direction), h.Layer, h.AmountMsat, t.config.Now(), id})
	}
	return none{}, nil
}

func (t *Topology) unreserveCommand() *command.Command {
	doc := askreneDoc("askrene-unreserve", "Say that a path is no longer being tried.",
		"It takes what was given to askrene-reserve. If a part of it is not reserved, nothing changes.",
		"askrene-reserve", "askrene-listreservations", "getroutes")
	doc.Errors = []command.Failure{{Code: rpc.CodeInvalidParams, When: "A part of the path is not reserved, or a parameter is wrong."}}
	return command.New(doc, t.unreserve)
}

func (t *Topology) unreserve(_ context.Context, p *pathParams) (none, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	left := slices.Clone(t.reservations)
	for i, h := range p.Path {
		at := slices.IndexFunc(left, func(r reservation) bool {
			return r.direction == direction(h.Direction) && r.layer == h.Layer && r.amount == h.AmountMsat
		})
		if at < 0 {
			return none{}, command.BadParam(fmt.Sprintf("path[%d]", i), "%s has no reservation of %s", h.Direction, h.AmountMsat)
		}
		left = slices.Delete(left, at, at+1)
	}
	t.reservations = left
	return none{}, nil
}

type listReservationsResult struct {
	Reservations []reservationResult `json:"reservations" doc:"One entry a reservation, oldest first."`
}

type reservationResult struct {
	Direction    direction   `json:"short_channel_id_dir" doc:"The channel's direction."`
	AmountMsat   amount.Msat `json:"amount_msat" doc:"The amount."`
	AgeInSeconds uint64      `json:"age_in_seconds" doc:"How long it is there."`
	CommandID    string      `json:"command_id" doc:"The id of the askrene-reserve that made it."`
}

func (t *Topology) listReservationsCommand() *command.Command {
	return command.New(askreneDoc("askrene-listreservations", "List what askrene-reserve has reserved.", "", "askrene-reserve", "askrene-unreserve"), t.listReservations)
}

func (t *Topology) listReservations(context.Context, *command.None) (*listReservationsResult, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := &listReservationsResult{Reservations: []reservationResult{}}
	for _, v := range t.reservations {
		age := max(t.config.Now().Sub(v.since), 0)
		r.Reservations = append(r.Reservations, reservationResult{v.direction, v.amount, uint64(age / time.Second), v.commandID})
	}
	return r, nil
}

// reserved is what is reserved on a direction, for all and for one layer. t.mu is held.
func (t *Topology) reserved(d direction, layer string) (sum amount.Msat) {
	for _, r := range t.reservations {
		if r.direction == d && (r.layer == "" || r.layer == layer) {
			sum = min(sum+r.amount, amount.MaxMsat)
		}
	}
	return sum
}
