package probe

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

func TestFindWords(t *testing.T) {
	for _, c := range []struct {
		word, text   string
		page, script bool
	}{
		{"souls", `{"souls":1}`, true, true}, {"souls", "/souls/", true, true}, {"souls", "souls-tab", true, true}, {"souls", "SOULS", true, true},
		{"souls", "soulsearchers", false, false}, {"souls", "unsouls", false, false}, {"souls", "souls2", false, false},
		{"souls", "souls_list", false, true}, {"souls", "my_souls", false, true}, {"souls", "tabSouls", false, true}, {"souls", "soulsTab", false, true},
		{"souls", "HTMLSouls", false, true}, {"html", "HTMLSouls", false, true}, {"souls", "aSOULSb", false, false}, {"souls", "TabSOULS", false, true},
		{"otanmail", "otanMail", true, true}, {"бригадир", "БРИГАДИР", true, true}, {"бригадир", "бригадира", false, false},
		{"бригадир", "вкладкаБригадир", false, true}, {"mlrtr.com", "https://MLRTR.com/", true, true}, {"mlrtr.com", "mlrtr.community", false, false},
		{"mlrtr.com", "mlrtr_com", false, false}, {"persona scenario", "Persona\n\t scenario.", true, true}, {"persona scenario", "personascenario", false, false},
		{"persona scenario", "persona scenarios", false, false}, {"souls", "souls", true, true}, {"souls", "", false, false}, {"k", "\u212a", true, true},
		{"a", "\xffa\xff", true, true}, {"x1", "x1", true, true}, {"é", "É", true, true}, {"", "x", false, false}, {"--", "--", false, false},
	} {
		assert.Equal(t, c.page, len(FindWords([]string{c.word}, []byte(c.text), inPage)) == 1, "page: %q in %q", c.word, c.text)
		assert.Equal(t, c.script, len(FindWords([]string{c.word}, []byte(c.text), inScript)) == 1, "script: %q in %q", c.word, c.text)
	}
}

func TestFindWordsFirstHit(t *testing.T) {
	text := strings.Repeat("a", 99) + " THOUGHTS " + strings.Repeat("b", 99) + " souls souls thoughts"
	got := FindWords([]string{"souls", "thoughts", "thoughts", "mlrtr", "Souls"}, []byte(text), inPage)
	assert.Equal(t, []Word{
		{"thoughts", inPage, strings.Repeat("a", 39) + " THOUGHTS " + strings.Repeat("b", 39)},
		{"souls", inPage, strings.Repeat("b", 39) + " souls souls thoughts"},
	}, got)
	assert.Empty(t, FindWords(nil, []byte(text), inPage))
	assert.Empty(t, FindWords([]string{strings.Repeat("a", maxWord+1)}, []byte(text), inPage))
	assert.Len(t, FindWords([]string{strings.Repeat("a", maxWord)}, []byte(strings.Repeat("a", maxWord)), inPage), 1)
}

// The worst texts of maxBody bytes take time in proportion to their length.
func TestFindWordsTime(t *testing.T) {
	words := benchWords(300)
	for _, unit := range []string{"a", "A", "aA", "a ", "persona ", "persona  ", "бB", "\xff", "\u2028", "_", "persona \t\n\r"} {
		start := time.Now()
		FindWords(words, []byte(strings.Repeat(unit, maxBody/len(unit))), inScript)
		assert.Less(t, time.Since(start), 5*time.Second, "%q", unit) // some milliseconds; quadratic work takes minutes
	}
}

func benchWords(n int) []string {
	words := []string{"persona scenario", "бригадир", "mlrtr.com"}
	for i := len(words); i < n; i++ {
		words = append(words, fmt.Sprintf("marker%dword", i))
	}
	return words
}

func BenchmarkFindWords(b *testing.B) {
	text := []byte(strings.Repeat(`function tabSouls(e,t){return e.souls_list.map(x=>x.thoughtId)} persona `, maxBody/72))
	for _, in := range []string{inPage, inScript} {
		index := newWordIndex(benchWords(300))
		b.Run(in, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				index.find(text, in)
			}
		})
	}
	words := benchWords(300)
	b.Run("index", func(b *testing.B) {
		for b.Loop() {
			newWordIndex(words)
		}
	})
}

func BenchmarkParsePage(b *testing.B) {
	page := []byte(strings.Repeat(fullPage, maxBody/len(fullPage)))
	b.SetBytes(int64(len(page)))
	for b.Loop() {
		parsePage(page, "text/html; charset=utf-8")
	}
}

func FuzzFindWords(f *testing.F) {
	f.Add("souls", "tabSouls and /souls/")
	f.Add("persona scenario", "Persona\n scenario")
	f.Add("бригадир", "БРИГАДИР\xff")
	f.Fuzz(func(t *testing.T, word, text string) {
		for _, in := range []string{inPage, inScript} {
			hits := FindWords([]string{word, "souls"}, []byte(text), in)
			if len(hits) > 2 {
				t.Fatal("more hits than words")
			}
			for _, h := range hits {
				if !strings.Contains(text, h.Excerpt) || len(h.Excerpt) > 2*maxExcerpt+maxExcerpt*len(h.Word)*utf8.UTFMax {
					t.Fatalf("excerpt %q", h.Excerpt)
				}
			}
		}
		// A word of letters that stands alone is found, whatever its case.
		if runLength([]byte(word), isPart) == len(word) && word != "" && len(foldText(word)) <= maxWord && utf8.ValidString(word) {
			if len(FindWords([]string{word}, []byte(", "+word+" ."), inPage)) != 1 {
				t.Fatalf("%q is not found alone", word)
			}
		}
	})
}
