package raw

import "golang.org/x/net/bpf"

// Filter is the program that the kernel runs on each packet that arrives: it keeps TCP segments to ports first to last
// that have SYN and ACK, or RST, and the ICMP errors that may answer a SYN. Offsets are those of a packet without link
// header. What it lets through is read and checked again; what it refuses costs us nothing.
func Filter(six bool, first, last uint16) ([]bpf.RawInstruction, error) {
	if six {
		return bpf.Assemble(filter6(first, last))
	}
	return bpf.Assemble(filter4(first, last))
}

func filter4(first, last uint16) []bpf.Instruction {
	return []bpf.Instruction{
		/* 0 */ bpf.LoadAbsolute{Off: 6, Size: 2},
		/* 1 */ bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 0x1fff, SkipTrue: 15}, // a later fragment
		/* 2 */ bpf.LoadMemShift{Off: 0}, // X: length of the IP header
		/* 3 */ bpf.LoadAbsolute{Off: 9, Size: 1},
		/* 4 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: protoICMP, SkipTrue: 7},
		/* 5 */ bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: protoTCP, SkipTrue: 11},
		/* 6 */ bpf.LoadIndirect{Off: 2, Size: 2},
		/* 7 */ bpf.JumpIf{Cond: bpf.JumpLessThan, Val: uint32(first), SkipTrue: 9},
		/* 8 */ bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: uint32(last), SkipTrue: 8},
		/* 9 */ bpf.LoadIndirect{Off: 13, Size: 1},
		/* 10 */ bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: flagSYN | flagRST | flagACK},
		/* 11 */ bpf.Jump{Skip: 3},
		/* 12 */ bpf.LoadIndirect{Off: 0, Size: 1}, // ICMP type
		/* 13 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: icmpUnreachable, SkipTrue: 4},
		/* 14 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: icmpSourceQuench, SkipTrue: 3, SkipFalse: 4},
		/* 15 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: flagSYN | flagACK, SkipTrue: 2},
		/* 16 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: flagRST | flagACK, SkipTrue: 1},
		/* 17 */ bpf.RetConstant{Val: 0},
		/* 18 */ bpf.RetConstant{Val: MaxAnswer},
		/* 19 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: icmpTimeExceeded, SkipFalse: 1},
		/* 20 */ bpf.RetConstant{Val: MaxAnswer},
		/* 21 */ bpf.RetConstant{Val: 0},
	}
}

func filter6(first, last uint16) []bpf.Instruction {
	return []bpf.Instruction{
		/* 0 */ bpf.LoadAbsolute{Off: 6, Size: 1}, // next header
		/* 1 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: protoICMPv6, SkipTrue: 7},
		/* 2 */ bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: protoTCP, SkipTrue: 9},
		/* 3 */ bpf.LoadAbsolute{Off: 42, Size: 2},
		/* 4 */ bpf.JumpIf{Cond: bpf.JumpLessThan, Val: uint32(first), SkipTrue: 7},
		/* 5 */ bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: uint32(last), SkipTrue: 6},
		/* 6 */ bpf.LoadAbsolute{Off: 53, Size: 1},
		/* 7 */ bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: flagSYN | flagRST | flagACK},
		/* 8 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: flagSYN | flagACK, SkipTrue: 4, SkipFalse: 2},
		/* 9 */ bpf.LoadAbsolute{Off: 40, Size: 1}, // ICMPv6 type
		/* 10 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: icmp6Unreachable, SkipTrue: 2, SkipFalse: 3},
		/* 11 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: flagRST | flagACK, SkipTrue: 1},
		/* 12 */ bpf.RetConstant{Val: 0},
		/* 13 */ bpf.RetConstant{Val: MaxAnswer},
		/* 14 */ bpf.JumpIf{Cond: bpf.JumpEqual, Val: icmp6TimeExceeded, SkipFalse: 1},
		/* 15 */ bpf.RetConstant{Val: MaxAnswer},
		/* 16 */ bpf.RetConstant{Val: 0},
	}
}
