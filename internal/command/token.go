package command

import (
	"encoding/json"
	"errors"
)

// maxQuoted is how much of a bad value an error repeats.
const maxQuoted = 100

// Token is one JSON value of the caller's.
type Token struct{ raw json.RawMessage }

// textToken is s as a JSON string.
func textToken(s string) Token {
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings always marshal
	}
	return Token{raw}
}

// Raw is the value as JSON.
func (t Token) Raw() json.RawMessage { return t.raw }

// Text is a string's text, or the characters of a number or boolean: a shell cannot tell "12" from 12.
func (t Token) Text() (string, error) {
	switch t.raw[0] {
	case '"':
		var s string
		if err := json.Unmarshal(t.raw, &s); err != nil {
			return "", err
		}
		return s, nil
	case '{', '[', 'n':
		return "", errors.New("should be a string")
	}
	return string(t.raw), nil
}

// Array is the elements of an array.
func (t Token) Array() ([]Token, error) {
	var raws []json.RawMessage
	if t.raw[0] != '[' || json.Unmarshal(t.raw, &raws) != nil {
		return nil, errors.New("should be an array")
	}
	tokens := make([]Token, len(raws))
	for i, raw := range raws {
		tokens[i] = Token{raw}
	}
	return tokens, nil
}

// String quotes the value for an error, shortened.
func (t Token) String() string {
	if len(t.raw) > maxQuoted {
		return "'" + string(t.raw[:maxQuoted]) + "...'"
	}
	return "'" + string(t.raw) + "'"
}
