package probe

import (
	"net/netip"
	"strings"
)

// Bounds of what a mail server may say before any mail. They leave room beyond the RFCs for servers that exceed
// them.
const (
	mailLine     = 2048 // octets of one SMTP or POP3 line; RFC 5321 section 4.5.3.1.5 and RFC 2449 section 4 say 512
	mailLines    = 100  // lines of one answer
	maxGreeting  = 512  // bytes kept of a greeting
	maxKeyword   = 128  // bytes kept of one extension or capability
	maxSMTPWords = 40   // extensions kept of an SMTP server
	maxMailWords = 64   // capabilities kept of a mailbox server: Cyrus tells 45 before log-in
)

// domainName returns the domain that token spells, lower case and without its trailing dot, or "" when it spells none.
// It asks for at least two labels of letters, digits, hyphens and underscores (which RFC 5321 forbids and real hosts
// use), and a last label that could be a top-level domain, so that version numbers ("8.17.1") and words are not taken
// for hosts.
func domainName(token string) string {
	token = strings.TrimSuffix(token, ".")
	dot := strings.LastIndexByte(token, '.')
	if len(token) > 253 || dot < 1 {
		return ""
	}
	token = strings.ToLower(token)
	top := token[dot+1:]
	if len(top) < 2 || !strings.HasPrefix(top, "xn--") && strings.Trim(top, "abcdefghijklmnopqrstuvwxyz") != "" {
		return ""
	}
	for label := range strings.SplitSeq(token, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return ""
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return ""
			}
		}
	}
	return token
}

// hostToken returns what token says of its speaker's host: a domain (see domainName), an address literal (RFC 5321
// section 4.1.3) or a bare address as they are, or "".
func hostToken(token string) string {
	if name := domainName(token); name != "" {
		return name
	}
	bare, literal := strings.CutPrefix(token, "[")
	if literal {
		bare, literal = strings.CutSuffix(bare, "]")
		if !literal {
			return ""
		}
		bare = strings.TrimPrefix(bare, "IPv6:")
	}
	// A zone has no meaning to anyone else, and its text is without bounds.
	if addr, err := netip.ParseAddr(bare); err != nil || addr.Zone() != "" {
		return ""
	}
	return token
}

// firstWord is the first white-space separated word of text.
func firstWord(text string) string {
	text = strings.TrimLeft(text, " \t")
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		return text[:i]
	}
	return text
}

// hostWithin returns the first domain among the words of a mailbox server's greeting, which has no fixed place for it,
// or the domain of a time stamp in the form of a msg-id (RFC 1939 section 7).
func hostWithin(text string) string {
	for word := range strings.FieldsSeq(text) {
		if id, ok := strings.CutPrefix(word, "<"); ok {
			id, ok = strings.CutSuffix(id, ">")
			at := strings.LastIndexByte(id, '@')
			if !ok || at < 0 {
				continue
			}
			word = id[at+1:]
		}
		if name := domainName(word); name != "" {
			return name
		}
	}
	return ""
}

// greetingNames lists the domains among hosts, each once; address literals are no names.
func greetingNames(hosts ...string) (names []Name) {
	for _, host := range hosts {
		name := domainName(host)
		if name == "" || len(names) > 0 && names[0].Value == name {
			continue
		}
		names = append(names, Name{Value: name, In: InGreeting})
	}
	return names
}

// mailProducts maps what mail software says of itself, in lower case, to how netschouw calls it. The first that is found
// counts.
var mailProducts = [...]struct{ mark, name string }{
	{"postfix", "postfix"},
	{"exim", "exim"},
	{"opensmtpd", "opensmtpd"},
	{"sendmail", "sendmail"},
	{"microsoft esmtp mail service", "exchange"},
	{"microsoft exchange", "exchange"},
	{"dovecot", "dovecot"},
	{"courier", "courier"},
	{"cyrus", "cyrus"},
	{"haraka", "haraka"},
	{"stalwart", "stalwart"},
	{"zimbra", "zimbra"},
	{"mailcow", "mailcow"},
	{"mdaemon", "mdaemon"},
	{"mailenable", "mailenable"},
	{"smartermail", "smartermail"},
	{"hmailserver", "hmailserver"},
	{"icewarp", "icewarp"},
	{"kerio", "kerio"},
	{"axigen", "axigen"},
	{"communigate", "communigate"},
	{"domino", "domino"},
	{"groupwise", "groupwise"},
	{"powermta", "powermta"},
	{"halon", "halon"},
	{"maddy", "maddy"},
	{"apache james", "james"},
	{"james smtp", "james"},
	{"james imap", "james"},
	{"james pop3", "james"},
	{"qmail", "qmail"},
	{"gsmtp", "gmail"},
	{"gimap", "gmail"},
	{"uw-imap", "uw-imap"},
	{"mailhog", "mailhog"},
	{"mailpit", "mailpit"},
	{"smtp4dev", "smtp4dev"},
}

// mailSoftware guesses the software from the texts that a server said of itself; "" when none tells. host is left out
// of the search: a machine called exim.example.org need not run it.
func mailSoftware(host string, texts ...string) string {
	for _, text := range texts {
		text = strings.ToLower(text)
		if host != "" {
			text = strings.ReplaceAll(text, host, " ")
		}
		for _, p := range mailProducts {
			if strings.Contains(text, p.mark) {
				return p.name
			}
		}
	}
	return ""
}

// capability brings an extension or capability line into the form that is kept: keyword in upper case, parameters as
// they came.
func capability(line string) string {
	kept := []byte(clip(strings.TrimSpace(line), maxKeyword))
	for i, c := range kept {
		if c == ' ' || c == '\t' {
			break
		}
		if 'a' <= c && c <= 'z' { // not strings.ToUpper, which would rewrite bytes that are no UTF-8
			kept[i] = c - 'a' + 'A'
		}
	}
	return string(kept)
}

// offers says whether lines have one with that keyword, without regard to case.
func offers(lines []string, keyword string) bool {
	for _, line := range lines {
		if strings.EqualFold(firstWord(line), keyword) {
			return true
		}
	}
	return false
}

// capabilities brings at most most of lines into their kept form; empty lines are left out.
func capabilities(lines []string, most int) []string {
	kept := make([]string, 0, min(len(lines), most))
	for _, line := range lines {
		if c := capability(line); c != "" && len(kept) < most {
			kept = append(kept, c)
		}
	}
	return kept
}
