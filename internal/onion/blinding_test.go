package onion

import (
	"bytes"
	"errors"
	"testing"

	"fulmen/internal/ecdh"
	"fulmen/internal/keys"
)

// scalarECDH is what hsmd does: the Diffie-Hellman of a node's key and a point.
func scalarECDH(t *testing.T, priv hexBytes, pub keys.PubKey) keys.Secret {
	t.Helper()
	secret := keys.Secret(priv)
	scalar, err := ecdh.ParseScalar(&secret)
	if err != nil {
		t.Fatal(err)
	}
	point, err := ecdh.ParsePoint(pub)
	if err != nil {
		t.Fatal(err)
	}
	return ecdh.Shared(&scalar, &point)
}

func TestBOLT4RouteBlinding(t *testing.T) {
	var v struct {
		Generate struct {
			Hops []struct {
				SessionKey  hexBytes `json:"session_key"`
				NodeID      hexBytes `json:"node_id"`
				EncodedTLVs hexBytes `json:"encoded_tlvs"`
			}
		}
		Route struct {
			FirstNodeID  hexBytes `json:"first_node_id"`
			FirstPathKey hexBytes `json:"first_path_key"`
			Hops         []struct {
				BlindedNodeID hexBytes `json:"blinded_node_id"`
				EncryptedData hexBytes `json:"encrypted_data"`
			}
		}
		Unblind struct {
			Hops []struct {
				NodePrivkey   hexBytes `json:"node_privkey"`
				PathKey       hexBytes `json:"path_key"`
				DecryptedData hexBytes `json:"decrypted_data"`
				NextPathKey   hexBytes `json:"next_path_key"`
			}
		}
	}
	loadJSON(t, "route-blinding-test.json", &v)
	// Two paths are joined: each begins where there is a session key.
	var joined []BlindedHop
	for i, hop := range v.Generate.Hops {
		if hop.SessionKey == nil {
			continue
		}
		var hops []PathHop
		for j := i; j < len(v.Generate.Hops) && (j == i || v.Generate.Hops[j].SessionKey == nil); j++ {
			hops = append(hops, PathHop{keys.PubKey(v.Generate.Hops[j].NodeID), v.Generate.Hops[j].EncodedTLVs})
		}
		path, err := Blind(keys.Secret(hop.SessionKey), hops)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 && (!bytes.Equal(path.FirstNodeID[:], v.Route.FirstNodeID) || !bytes.Equal(path.FirstPathKey[:], v.Route.FirstPathKey)) {
			t.Errorf("the path begins at %s with path_key %s", path.FirstNodeID, path.FirstPathKey)
		}
		joined = append(joined, path.Hops...)
	}
	if len(joined) != len(v.Route.Hops) {
		t.Fatalf("%d hops, want %d", len(joined), len(v.Route.Hops))
	}
	for i, want := range v.Route.Hops {
		if got := joined[i]; !bytes.Equal(got.BlindedNodeID[:], want.BlindedNodeID) || !bytes.Equal(got.RecipientData, want.EncryptedData) {
			t.Errorf("hop %d is %s with %x", i, got.BlindedNodeID, got.RecipientData)
		}
	}
	for i, hop := range v.Unblind.Hops {
		pathKey := keys.PubKey(hop.PathKey)
		secret := PathSecret{pathKey, scalarECDH(t, hop.NodePrivkey, pathKey)}
		data, err := secret.Open(v.Route.Hops[i].EncryptedData)
		if err != nil || !bytes.Equal(data, hop.DecryptedData) {
			t.Errorf("hop %d decrypts %x, %v", i, data, err)
		}
		if next, err := secret.NextPathKey(); err != nil || !bytes.Equal(next[:], hop.NextPathKey) {
			t.Errorf("hop %d: next path_key %s, %v", i, next, err)
		}
	}
}

// recordOf is the value of a record of a TLV stream, nil if it is not there.
func recordOf(t *testing.T, stream []byte, typ uint64) []byte {
	t.Helper()
	var last *record
	for offset := 0; offset < len(stream); {
		rec, end, err := nextRecord(stream, offset, last)
		if err != nil {
			t.Fatal(err)
		}
		if rec.Type == typ {
			return rec.Value
		}
		last, offset = &rec, end
	}
	return nil
}

func TestBOLT4BlindedPaymentOnion(t *testing.T) {
	var v struct {
		Generate struct {
			SessionKey     hexBytes `json:"session_key"`
			AssociatedData hexBytes `json:"associated_data"`
			FullRoute      struct {
				Hops []struct{ Pubkey, Payload hexBytes }
			} `json:"full_route"`
			Onion hexBytes
		}
		Decrypt struct {
			Hops []struct {
				Onion       hexBytes
				NodePrivkey hexBytes `json:"node_privkey"`
				NextPathKey hexBytes `json:"next_path_key"`
			}
		}
	}
	loadJSON(t, "blinded-payment-onion-test.json", &v)
	var hops []Hop
	for _, h := range v.Generate.FullRoute.Hops {
		_, n := readBigSize(h.Payload)
		hops = append(hops, Hop{keys.PubKey(h.Pubkey), h.Payload[n:]})
	}
	packet, _, err := Build(keys.Secret(v.Generate.SessionKey), hops, v.Generate.AssociatedData)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(packet[:], v.Generate.Onion) {
		t.Errorf("onion %x", packet[:])
	}
	var pathKey keys.PubKey // of the message around the onion; zero outside the blinded path
	for i, hop := range v.Decrypt.Hops {
		if !bytes.Equal(packet[:], hop.Onion) {
			t.Fatalf("hop %d gets another onion", i)
		}
		payload, next := peelBlinded(t, packet, hop.NodePrivkey, pathKey, v.Generate.AssociatedData)
		if want := hops[i].Payload; !bytes.Equal(payload, want) {
			t.Errorf("hop %d: payload %x, want %x", i, payload, want)
		}
		if current := recordOf(t, payload, 12); current != nil {
			pathKey = keys.PubKey(current) // the introduction node has it in the onion
		}
		if pathKey != (keys.PubKey{}) {
			pathKey = nextPathKey(t, payload, 10, hop.NodePrivkey, pathKey)
			if !bytes.Equal(pathKey[:], hop.NextPathKey) {
				t.Errorf("hop %d: next path_key %s", i, pathKey)
			}
		}
		packet = next
	}
	if packet != nil {
		t.Error("the last hop has somebody to forward to")
	}
}

// peelBlinded peels a packet that came with pathKey, as a node of a blinded path does.
func peelBlinded(t *testing.T, p *Packet, priv hexBytes, pathKey keys.PubKey, assocData []byte) ([]byte, *Packet) {
	t.Helper()
	ephemeral, err := p.EphemeralKey()
	if err != nil {
		t.Fatal(err)
	}
	if pathKey != (keys.PubKey{}) {
		secret := PathSecret{pathKey, scalarECDH(t, priv, pathKey)}
		if ephemeral, err = secret.BlindEphemeralKey(ephemeral); err != nil {
			t.Fatal(err)
		}
	}
	payload, next, err := Peel(p, scalarECDH(t, priv, ephemeral), assocData)
	if err != nil {
		t.Fatal(err)
	}
	if next == nil {
		return payload, nil
	}
	packet, err := next.Packet()
	if err != nil {
		t.Fatal(err)
	}
	return payload, packet
}

// nextPathKey opens the payload's encrypted_recipient_data, which has the type dataType.
func nextPathKey(t *testing.T, payload []byte, dataType uint64, priv hexBytes, pathKey keys.PubKey) keys.PubKey {
	t.Helper()
	secret := PathSecret{pathKey, scalarECDH(t, priv, pathKey)}
	data, err := secret.Open(recordOf(t, payload, dataType))
	if err != nil {
		t.Fatal(err)
	}
	if override := recordOf(t, data, 8); override != nil {
		return keys.PubKey(override)
	}
	next, err := secret.NextPathKey()
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func TestBOLT4BlindedOnionMessage(t *testing.T) {
	var v struct {
		Generate struct {
			SessionKey hexBytes `json:"session_key"`
		}
		Route struct {
			FirstPathKey hexBytes `json:"first_path_key"`
			Hops         []struct {
				BlindedNodeID hexBytes `json:"blinded_node_id"`
				RecipientData hexBytes `json:"encrypted_recipient_data"`
			}
		}
		OnionMessage struct {
			Hello  hexBytes `json:"unknown_tag_1"`
			Packet hexBytes `json:"onion_message_packet"`
		}
		Decrypt struct {
			Hops []struct {
				Privkey      hexBytes
				OnionMessage hexBytes `json:"onion_message"`
			}
		}
	}
	loadJSON(t, "blinded-onion-message-onion-test.json", &v)
	var hops []Hop
	for i, h := range v.Route.Hops {
		var payload []byte
		if i == len(v.Route.Hops)-1 {
			payload = appendRecord(payload, Record{1, v.OnionMessage.Hello})
		}
		hops = append(hops, Hop{keys.PubKey(h.BlindedNodeID), appendRecord(payload, Record{4, h.RecipientData})})
	}
	packet, _, err := Build(keys.Secret(v.Generate.SessionKey), hops, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(packet[:], v.OnionMessage.Packet) {
		t.Errorf("onion message packet %x", packet[:])
	}
	pathKey := keys.PubKey(v.Route.FirstPathKey)
	for i, hop := range v.Decrypt.Hops {
		// The message: type 513, path_key, length, packet.
		want := append([]byte{2, 1}, pathKey[:]...)
		want = append(want, byte(PacketSize>>8), byte(PacketSize&0xff))
		if want = append(want, packet[:]...); !bytes.Equal(want, hop.OnionMessage) {
			t.Fatalf("hop %d gets another message", i)
		}
		var payload []byte
		payload, packet = peelBlinded(t, packet, hop.Privkey, pathKey, nil)
		pathKey = nextPathKey(t, payload, 4, hop.Privkey, pathKey)
		if i == len(v.Decrypt.Hops)-1 && (packet != nil || string(recordOf(t, payload, 1)) != "hello") {
			t.Errorf("the last hop reads %x", payload)
		}
	}
}

func TestRecipientDataOfSomebodyElse(t *testing.T) {
	hops, privs := route(t, 2)
	path, err := Blind(keys.Secret{31: 1}, []PathHop{{hops[0].NodeID, []byte("first")}, {hops[1].NodeID, []byte("second")}})
	if err != nil {
		t.Fatal(err)
	}
	secret := PathSecret{path.FirstPathKey, scalarECDH(t, privs[0], path.FirstPathKey)}
	for _, data := range [][]byte{path.Hops[1].RecipientData, path.Hops[0].RecipientData[1:], nil} {
		if _, err := secret.Open(data); !errors.Is(err, ErrRecipientData) {
			t.Errorf("%x opens: %v", data, err)
		}
	}
	if _, err := Blind(keys.Secret{}, []PathHop{{hops[0].NodeID, nil}}); err == nil {
		t.Error("a path was blinded with the key 0")
	}
	if _, err := Blind(keys.Secret{31: 1}, nil); err == nil {
		t.Error("a path without a hop was blinded")
	}
}
