package probe

import (
	"slices"
	"unicode"
	"unicode/utf8"
)

// Where a Word was found.
const (
	inTitle  = "title"
	inPage   = "page"
	inScript = "script"
	inHeader = "header"
)

const (
	maxWord    = 64 // bytes of one word or phrase that a rule pack may look for; longer ones are never found
	maxExcerpt = 40 // bytes on each side of a hit
)

// FindWords tells which of the words the text holds, the first hit of each, in the order of their hits. Case does not matter
// (Unicode, so Cyrillic too). A hit ends where letters, digits and underscores end. With in == "script" the parts of an identifier
// count as well: "souls" is found in tabSouls, souls_list and HTMLSouls, because a bundler leaves whole words nowhere else. A word may
// be a phrase ("persona scenario", "mlrtr.com"): spaces in it match any white space. Time is linear in the text.
func FindWords(words []string, text []byte, in string) []Word {
	return newWordIndex(words).find(text, in)
}

// wordIndex holds the words by their first run of letters and digits, folded.
type wordIndex struct {
	byFirst map[string][]*phrase
	begins  [utf8.RuneSelf]bool // the ASCII characters that keys begin with: most tokens need no look-up
	count   int
	longest int // bytes of the longest key
}

// phrase is one word as its pack spells it, with its folded form.
type phrase struct {
	word, folded string
	number       int
}

func newWordIndex(words []string) *wordIndex {
	x := &wordIndex{byFirst: make(map[string][]*phrase, len(words))}
	for _, word := range words {
		folded := foldText(word)
		n := runLength([]byte(folded), isPart)
		if n == 0 || len(folded) > maxWord {
			continue
		}
		first := folded[:n]
		if slices.ContainsFunc(x.byFirst[first], func(p *phrase) bool { return p.folded == folded }) {
			continue
		}
		x.byFirst[first] = append(x.byFirst[first], &phrase{word, folded, x.count})
		if c := first[0]; c < utf8.RuneSelf {
			x.begins[c] = true
		}
		x.count++
		x.longest = max(x.longest, n)
	}
	return x
}

// find scans the text once.
func (x *wordIndex) find(text []byte, in string) []Word {
	if x.count == 0 {
		return nil
	}
	s := &wordScan{wordIndex: x, text: text, in: in, found: make([]bool, x.count)}
	for i := 0; i < len(text) && len(s.words) < x.count; {
		r, size := runeAt(text[i:])
		if !isPart(r) {
			i += size
			continue
		}
		end := i + runLength(text[i:], isPart)
		s.run(i, end)
		i = end
	}
	return s.words
}

// wordScan is one pass over one text.
type wordScan struct {
	*wordIndex
	text  []byte
	in    string
	found []bool
	words []Word
}

// run looks at one run of letters and digits, whole, and in scripts by the parts of its camel case.
func (s *wordScan) run(start, end int) {
	s.at(start, end)
	if s.in != inScript {
		return
	}
	for from := start; from < end; {
		to := from + partLength(s.text[from:end])
		if from != start || to != end {
			s.at(from, to)
		}
		from = to
	}
}

// at looks up the token text[start:end].
func (s *wordScan) at(start, end int) {
	if r, _ := runeAt(s.text[start:]); fold(r) < utf8.RuneSelf && !s.begins[fold(r)] {
		return
	}
	var buf [maxWord + utf8.UTFMax]byte
	key := buf[:0]
	for i := start; i < end; {
		r, size := runeAt(s.text[i:end])
		i += size
		if len(key) >= s.longest { // longer than any word
			return
		}
		key = utf8.AppendRune(key, fold(r))
	}
	for _, p := range s.byFirst[string(key)] {
		if s.found[p.number] || s.in != inScript && s.underscored(start-1) {
			continue
		}
		if stop, ok := s.matches(p, start, end, len(key)); ok {
			s.found[p.number] = true
			s.words = append(s.words, Word{Word: p.word, In: s.in, Excerpt: s.excerpt(start, stop)})
		}
	}
}

// matches compares what a phrase has behind its first token, and asks for a boundary after it.
func (s *wordScan) matches(p *phrase, start, end, key int) (stop int, ok bool) {
	i := end
	for _, want := range p.folded[key:] {
		if i >= len(s.text) {
			return 0, false
		}
		r, size := runeAt(s.text[i:])
		if want == ' ' && unicode.IsSpace(r) {
			for n := 0; n < maxExcerpt && unicode.IsSpace(r); n++ {
				i += size
				r, size = runeAt(s.text[i:])
			}
			continue
		}
		if fold(r) != want {
			return 0, false
		}
		i += size
	}
	if len(p.folded) == key {
		return end, s.in == inScript || !s.underscored(end)
	}
	next, _ := runeAt(s.text[i:])
	return i, !isPart(next) && (s.in == inScript || !s.underscored(i))
}

func (s *wordScan) underscored(i int) bool { return i >= 0 && i < len(s.text) && s.text[i] == '_' }

func (s *wordScan) excerpt(start, stop int) string {
	return string(s.text[max(0, start-maxExcerpt):min(len(s.text), stop+maxExcerpt)])
}

// isPart says what a token is made of.
func isPart(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	}
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// fold makes letters that differ by case only the same.
func fold(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	return unicode.ToLower(r)
}

func foldText(text string) string {
	folded := make([]rune, 0, len(text))
	for _, r := range text {
		folded = append(folded, fold(r))
	}
	return string(folded)
}

// runeAt decodes one rune; the end of text and bytes that are not UTF-8 are no letters.
func runeAt(text []byte) (rune, int) {
	if len(text) > 0 && text[0] < utf8.RuneSelf {
		return rune(text[0]), 1
	}
	r, size := utf8.DecodeRune(text)
	return r, max(size, 1)
}

func runLength(text []byte, ok func(rune) bool) int {
	i := 0
	for i < len(text) {
		r, size := runeAt(text[i:])
		if !ok(r) {
			break
		}
		i += size
	}
	return i
}

// partLength is the length of the first part of an identifier: "tab" of tabSouls, "HTML" of HTMLSouls, "Souls" of SoulsTab.
func partLength(run []byte) int {
	prev, i := runeAt(run)
	for i < len(run) {
		r, size := runeAt(run[i:])
		if unicode.IsUpper(r) {
			next, _ := runeAt(run[i+size:])
			if !unicode.IsUpper(prev) || i+size < len(run) && unicode.IsLower(next) {
				break
			}
		}
		prev = r
		i += size
	}
	return i
}
