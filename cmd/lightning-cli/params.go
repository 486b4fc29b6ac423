package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// input says how parameters are given.
type input int

const (
	guess input = iota
	keywords
	ordered
)

// keyword is what the first parameter looks like where they are given by name. The end of base64 is
// no keyword, though it has an equals sign.
var keyword = regexp.MustCompile(`^[a-z][a-z0-9_-]*=`)

// encodeParams makes the params of the request: an array, or an object in the order given.
func encodeParams(in input, params []string) (json.RawMessage, error) {
	if in == guess && len(params) > 0 && keyword.MatchString(params[0]) {
		in = keywords
	}
	open, closing := byte('['), byte(']')
	if in == keywords {
		open, closing = '{', '}'
	}
	var b bytes.Buffer
	b.WriteByte(open)
	for i, p := range params {
		if i > 0 {
			b.WriteByte(',')
		}
		if in == keywords {
			name, value, ok := strings.Cut(p, "=")
			if !ok || name == "" {
				return nil, fmt.Errorf("parameter %q: want NAME=VALUE", p)
			}
			b.Write(quote(name))
			b.WriteByte(':')
			p = value
		}
		b.Write(encodeValue(p))
	}
	b.WriteByte(closing)
	return b.Bytes(), nil
}

// encodeValue passes JSON on and makes a string of anything else.
func encodeValue(text string) []byte {
	if looksLikeJSON(text) && json.Valid([]byte(text)) {
		return []byte(text)
	}
	return quote(text)
}

func looksLikeJSON(text string) bool {
	switch text {
	case "":
		return false
	case "true", "false", "null":
		return true
	}
	return strings.IndexByte("{[\"-0123456789", text[0]) >= 0
}

func quote(text string) []byte {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // strings always marshal
	}
	return b
}
