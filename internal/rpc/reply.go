package rpc

import (
	"bytes"
	"encoding/json"
)

// encodeReply is the whole reply to id: one line and an empty one.
func encodeReply(id json.RawMessage, result any, failure *Error) []byte {
	var body []byte
	key := `,"result":`
	if failure == nil {
		var err error
		if body, err = marshal(result); err != nil {
			failure = Errorf(CodeInternal, "encode the result: %w", err)
		}
	}
	if failure != nil {
		key = `,"error":`
		body = encodeError(failure)
	}
	if id == nil {
		id = json.RawMessage("null")
	}
	b := make([]byte, 0, len(body)+len(id)+40)
	b = append(b, `{"jsonrpc":"2.0","id":`...)
	b = append(b, id...)
	b = append(b, key...)
	b = append(b, body...)
	return append(b, "}\n\n"...)
}

// EncodeReply is the reply to a request that came by another way than a Session.
func EncodeReply(id json.RawMessage, result any, failure *Error) []byte {
	return bytes.TrimSpace(encodeReply(id, result, failure))
}

// encodeError drops data that does not encode: the code and message matter more.
func encodeError(e *Error) []byte {
	body, err := marshal(e)
	if err != nil {
		body, _ = marshal(e.WithData(nil))
	}
	return body
}

// marshal is json.Marshal that leaves <, > and & as they are: no reply is ever in a web page.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
