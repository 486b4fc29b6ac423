package payments

import (
	"bytes"

	"fulmen/internal/keys"
	"fulmen/internal/onion"
	"fulmen/internal/wire"
)

// RPC error codes of a failed part.
const (
	CodeUnparseable       = 202 // no hop of the route can have made the failure
	CodeDestinationFailed = 203 // the destination failed it for good
	CodeTryOtherRoute     = 204 // some hop failed it
)

// Returned explains the failure packet that came back from the first hop of a part: who made it,
// and what it says (BOLT 4, Returning Errors). attribution is the attribution_data that came with it,
// if any did.
func (p *Part) Returned(packet, attribution []byte) *Failure {
	if p.Injected != nil {
		wrapped := bytes.Clone(packet)
		onion.WrapFailure(*p.Injected, wrapped)
		return forInjector(wrapped, "failed: see onionreply")
	}
	secrets := p.secrets()
	hop, raw, err := onion.DecryptFailure(secrets, packet)
	if err != nil {
		return p.garbled(packet, p.HoldTimes(packet, attribution))
	}
	f := p.failureAt(hop+1, raw)
	f.Onion = packet
	return f
}

// HoldTimes are how long each hop says that it held the HTLC of the part, as far as the hops attribute
// what they send back: packet is the failure packet, nil with a preimage.
func (p *Part) HoldTimes(packet, attribution []byte) []onion.HoldTime {
	if len(attribution) != onion.AttributionSize || p.Injected != nil {
		return nil
	}
	return (*onion.Attribution)(attribution).Holds(p.secrets(), packet)
}

func (p *Part) secrets() []keys.Secret {
	secrets := make([]keys.Secret, len(p.Route))
	for i, h := range p.Route {
		secrets[i] = h.SharedSecret
	}
	return secrets
}

// garbled explains a failure packet that no hop can have made. The hops that attributed it passed it
// on as it was, so the last of them or the one after it is to blame; with none, nobody is.
func (p *Part) garbled(packet []byte, attributed []onion.HoldTime) *Failure {
	f := &Failure{Code: CodeUnparseable, Message: "failed: the error reply cannot be decrypted", Onion: packet}
	if len(attributed) > 0 {
		p.blame(f, len(attributed))
	}
	return f
}

// blame names the node that is index hops from us, and its channel on the route.
func (p *Part) blame(f *Failure, index int) {
	f.Index = index
	if index > 0 {
		f.Node = p.Route[index-1].NodeID
	}
	if index < len(p.Route) {
		f.Channel = p.Route[index].ShortChannelID
		f.Direction = int(wire.Direction(f.Node, p.Route[index].NodeID))
	}
}

// Malformed explains an update_fail_malformed_htlc from the first hop. The codes that it may carry
// say that a packet could not be read, and the packet that it speaks of is the one that we made.
func (p *Part) Malformed(code onion.FailureCode, sha256OfOnion [32]byte) *Failure {
	f := &onion.Failure{Code: code, SHA256OfOnion: sha256OfOnion}
	if p.Injected != nil {
		return p.Refused(f.Encode(), "the next node cannot read its onion")
	}
	return p.failureAt(1, f.Encode())
}

// Local explains why a part did not leave this node, which is us.
func (p *Part) Local(us keys.PubKey, f *onion.Failure, reason string) *Failure {
	if p.Injected != nil {
		return p.Refused(f.Encode(), reason)
	}
	failure := p.failureAt(0, f.Encode())
	failure.Message = reason
	if len(p.Route) > 0 { // no hop before it says who we are
		failure.Direction = int(wire.Direction(us, p.Route[0].NodeID))
	}
	return failure
}

// Refused explains why this node did not take a part whose onion somebody else made, by the message for who made it.
func (p *Part) Refused(message []byte, reason string) *Failure {
	return forInjector(onion.CreateFailure(*p.Injected, message), reason)
}

// forInjector is a failure that only who made the onion can read.
func forInjector(packet []byte, reason string) *Failure {
	return &Failure{Code: CodeUnparseable, Message: reason, Onion: packet}
}

// failureAt fills in what follows from the erring node, index hops from us, and its message.
func (p *Part) failureAt(index int, raw []byte) *Failure {
	f := &Failure{Code: CodeTryOtherRoute, Raw: raw}
	p.blame(f, index)
	decoded, err := onion.DecodeFailure(raw)
	if decoded == nil {
		f.Code, f.Message = CodeUnparseable, "failed: "+err.Error()
		return f
	}
	f.FailCode, f.CodeName = uint16(decoded.Code), decoded.Code.String()
	f.Message = "failed: " + f.CodeName
	if index > 0 {
		f.Message += " (reply from remote)"
	}
	if index == len(p.Route) {
		f.Code = CodeDestinationFailed
	}
	return f
}
