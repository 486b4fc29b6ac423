package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"fulmen/internal/amount"
	"fulmen/internal/rpc"
	"fulmen/tests/harness"
)

// ring is ten nodes, each with a channel to the next and half of them with one across, all announced.
type ring struct {
	t        *testing.T
	btcd     *harness.Btcd
	nodes    []*harness.Node
	channels int
}

const (
	ringNodes = 10
	// ringSats is the capacity of each channel; either side has half.
	ringSats = 2_000_000
)

func newRing(t *testing.T) *ring {
	t.Helper()
	r := &ring{t: t, btcd: harness.StartBtcd(t)}
	for i := range ringNodes {
		r.nodes = append(r.nodes, harness.StartNode(t, r.btcd, fmt.Sprintf("n%d", i)))
	}
	for i, n := range r.nodes {
		n.FundWallet(10_000_000)
		r.nodes[(i+1)%ringNodes].Sync()
	}
	for i := range ringNodes {
		r.open(i, (i+1)%ringNodes)
	}
	for i := range ringNodes / 2 {
		r.open(i, i+ringNodes/2)
	}
	r.btcd.WaitMempool(r.channels)
	r.btcd.Mine(6)
	for _, n := range r.nodes {
		n.Sync()
		n.WaitChannel("", "CHANNELD_NORMAL")
	}
	return r
}

func (r *ring) open(from, to int) {
	r.t.Helper()
	a, b := r.nodes[from], r.nodes[to]
	a.Sync()
	a.Connect(b)
	a.Call("fundchannel", object{
		"id": b.ID(), "amount": ringSats, "push_msat": ringSats * 1000 / 2, "minconf": 0, "mindepth": 1,
	}, nil)
	r.channels++
}

// graph is what a node has of the public network, in an order that is the same for all.
func graph(n *harness.Node) (channels []string, nodes int, err error) {
	var list struct {
		Channels []json.RawMessage `json:"channels"`
	}
	if err := n.Try("listchannels", nil, &list); err != nil {
		return nil, 0, err
	}
	for _, raw := range list.Channels {
		var c map[string]any
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, 0, err
		}
		line, err := json.Marshal(c) // a map's keys come sorted
		if err != nil {
			return nil, 0, err
		}
		channels = append(channels, string(line))
	}
	slices.Sort(channels)
	var known struct {
		Nodes []struct {
			Alias *string `json:"alias"`
		} `json:"nodes"`
	}
	if err := n.Try("listnodes", nil, &known); err != nil {
		return nil, 0, err
	}
	for _, node := range known.Nodes {
		if node.Alias != nil {
			nodes++ // it has announced itself
		}
	}
	return channels, nodes, nil
}

// complete waits until every node knows every channel's both directions and every node, all the same.
func (r *ring) complete() {
	r.t.Helper()
	harness.Eventually(r.t, "all graphs are complete and equal", func() error {
		var first []string
		for i, n := range r.nodes {
			channels, nodes, err := graph(n)
			if err != nil {
				return err
			}
			if len(channels) != 2*r.channels || nodes != ringNodes {
				return fmt.Errorf("%s knows %d directions of channels and %d nodes, want %d and %d", n.Name, len(channels), nodes, 2*r.channels, ringNodes)
			}
			if i == 0 {
				first = channels
			} else if j := slices.IndexFunc(channels, func(c string) bool { return !slices.Contains(first, c) }); j >= 0 {
				return fmt.Errorf("%s has %s, which %s has not", n.Name, channels[j], r.nodes[0].Name)
			}
		}
		return nil
	})
}

// earned is what all nodes took for forwarding.
func (r *ring) earned() (sum amount.Msat) {
	for _, n := range r.nodes {
		var info struct {
			Fees amount.Msat `json:"fees_collected_msat"`
		}
		n.Call("getinfo", nil, &info)
		sum += info.Fees
	}
	return sum
}

// held is what all nodes have in their channels, once nothing is under way.
func (r *ring) held() (sum amount.Msat) {
	for _, n := range r.nodes {
		sum += n.Settled()
	}
	return sum
}

// TestRing is the public network in small: gossip, routes, forwarding, payments in parts, restarts.
func TestRing(t *testing.T) {
	r := newRing(t)
	r.complete()
	var paid amount.Msat // in fees

	t.Run("larger than any channel", func(t *testing.T) {
		const total = ringSats * 1000 * 12 / 10
		for _, way := range [][2]int{{0, 5}, {5, 0}} {
			from, to := r.nodes[way[0]], r.nodes[way[1]]
			p := from.Pay(to.Invoice(total, "in parts"))
			if p.AmountMsat != total {
				t.Errorf("%s got %s of %d", to.Name, p.AmountMsat, total)
			}
			paid += p.AmountSentMsat - p.AmountMsat
			to.Settled()
		}
	})

	t.Run("no route", func(t *testing.T) {
		hermit := harness.StartNode(t, r.btcd, "hermit")
		bolt11 := hermit.Invoice(1000, "nobody reaches me")
		begun := time.Now()
		err := r.nodes[0].Try("pay", []string{bolt11}, nil)
		took := time.Since(begun) // on a machine with nothing else to do, some milliseconds
		var e *rpc.Error
		if !errors.As(err, &e) || e.Code != rpc.CodePayRouteNotFound || e.Message == "" {
			t.Errorf("pay: %v", err)
		}
		if took >= harness.Patience {
			t.Errorf("it took %s to find that there is no route", took)
		}
		t.Logf("no route: %v, after %s", err, took)
	})

	t.Run("200 payments while two nodes restart", func(t *testing.T) {
		paid += r.payRandomly(200, 2, 7)
	})

	if held, all := r.held(), amount.Msat(ringSats*1000*r.channels); held != all {
		t.Errorf("the nodes have %s in their channels, of %s", held, all)
	}
	// A payer has the preimage when the first part of several has arrived: only now all are where they go.
	if earned := r.earned(); earned != paid {
		t.Errorf("fees earned are %s, fees paid %s", earned, paid)
	}
	r.complete()
}

// payRandomly makes payments between random nodes but those two, which are killed and started meanwhile, and
// returns the fees.
func (r *ring) payRandomly(payments int, restarted ...int) (fees amount.Msat) {
	r.t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	type job struct {
		from, to *harness.Node
		bolt11   string
	}
	var ends []*harness.Node
	for i, n := range r.nodes {
		if !slices.Contains(restarted, i) {
			ends = append(ends, n)
		}
	}
	jobs := make(chan job)
	var mu sync.Mutex
	var workers, restarts sync.WaitGroup
	done := 0
	for range 4 {
		workers.Go(func() {
			for j := range jobs {
				var p harness.Payment
				err := j.from.Try("pay", []string{j.bolt11}, &p)
				mu.Lock()
				if err != nil {
					r.t.Errorf("%s to %s: %v", j.from.Name, j.to.Name, err)
				}
				fees += p.AmountSentMsat - p.AmountMsat
				done++
				mu.Unlock()
			}
		})
	}
	for i := range payments {
		from, to := ends[rng.IntN(len(ends))], ends[rng.IntN(len(ends))]
		for from == to {
			to = ends[rng.IntN(len(ends))]
		}
		jobs <- job{from, to, to.Invoice(amount.Msat(1000+rng.IntN(20_000_000)), fmt.Sprintf("payment %d", i))}
		if at := slices.Index([]int{payments / 4, payments / 2}, i); at >= 0 {
			n := r.nodes[restarted[at]]
			restarts.Go(n.Restart)
		}
	}
	close(jobs)
	workers.Wait()
	restarts.Wait()
	for _, n := range r.nodes {
		n.WaitChannel("", "CHANNELD_NORMAL")
	}
	return fees
}
