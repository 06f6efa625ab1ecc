package ledger

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

// layout is how times are stored: UTC, to the millisecond, of one length, so that text sorts as time does.
const layout = "2006-01-02T15:04:05.000Z"

func stamp(t time.Time) string { return t.UTC().Format(layout) }

// orNull is a time, or NULL for the zero time.
func orNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stamp(t)
}

// moment scans a stored time; NULL is the zero time.
type moment struct{ *time.Time }

// Scan implements sql.Scanner.
func (m moment) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*m.Time = time.Time{}
		return nil
	case string:
		t, err := time.Parse(layout, v)
		*m.Time = t
		return err
	}
	return fmt.Errorf("time is stored as %T", v)
}

// list scans a JSON array of texts; NULL is none.
type list struct{ to *[]string }

// Scan implements sql.Scanner.
func (l list) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*l.to = nil
		return nil
	case string:
		return json.Unmarshal([]byte(v), l.to)
	}
	return fmt.Errorf("list is stored as %T", v)
}

// text is a list as JSON; never null.
func text(list []string) string {
	if list == nil {
		list = []string{}
	}
	b, _ := json.Marshal(list) // texts always can
	return string(b)
}

// some is NULL for "".
func some(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }
