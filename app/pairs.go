package app

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
)

// SQLite's index finds words, and Chinese, Japanese, Thai and others write none: a whole sentence is one to it. So of their
// text the pairs of neighbouring characters are indexed, each as a word of its own in digits, and the last character of a
// run with nothing after it. A search takes the messages that have all pairs of what it looks for, and compares the text
// of those alone.

// pairs writes the pairs of a text, and with single the last character of each run.
func pairs(b *strings.Builder, text string, single bool) {
	var before rune
	end := func() {
		if before != 0 && single {
			b.WriteString(strconv.FormatInt(int64(before), 36) + "0x ")
		}
		before = 0
	}
	for _, r := range text {
		if !unspaced(r) {
			end()
			continue
		}
		if before != 0 {
			b.WriteString(strconv.FormatInt(int64(before), 36) + "0x" + strconv.FormatInt(int64(r), 36) + " ")
		}
		before = r
	}
	end()
}

// hasUnspaced is what a message's column says of it: NULL while it is streaming, because it is not indexed then.
func hasUnspaced(m Message) any {
	if m.Status == StatusStreaming {
		return nil
	}
	return strings.ContainsFunc(m.Content, unspaced)
}

// indexPairs indexes a message that has ended, in place of what was indexed of it.
func indexPairs(ctx context.Context, tx *sql.Tx, m Message) error {
	if m.Status == StatusStreaming || !strings.ContainsFunc(m.Content, unspaced) {
		return nil
	}
	var b strings.Builder
	pairs(&b, m.Content, true)
	_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO messages_pairs (rowid, pairs) VALUES (?, ?)", m.ID, b.String())
	return err
}

// pairsQuery is the FTS5 query for messages that may hold query, which has a character without spaces.
func pairsQuery(query string) string {
	var b strings.Builder
	pairs(&b, query, false)
	if words := strings.Fields(b.String()); len(words) > 0 {
		return `"` + strings.Join(words, `" "`) + `"`
	}
	for _, r := range query { // single ones: each begins a pair, or ends a run
		if unspaced(r) {
			b.WriteString(`"` + strconv.FormatInt(int64(r), 36) + `0x"* `)
		}
	}
	return strings.TrimSpace(b.String())
}
