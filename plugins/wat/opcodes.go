package wat

import "strings"

// opcode is how an instruction is written, and what it takes: l a local, L a
// label, f a function, g a global, t a table, e and d segments, a a memory
// argument, i a type, z a zero, b a branch table, r a kind of reference, 4 8 F
// D numbers.
type opcode struct {
	code  []byte
	takes string
}

var opcodes = table()

func table() map[string]opcode {
	all := map[string]opcode{
		"unreachable": {[]byte{0x00}, ""}, "nop": {[]byte{0x01}, ""}, "else": {[]byte{0x05}, ""}, "br": {[]byte{0x0c}, "L"},
		"br_if": {[]byte{0x0d}, "L"}, "br_table": {[]byte{0x0e}, "b"}, "return": {[]byte{0x0f}, ""}, "call": {[]byte{0x10}, "f"},
		"call_indirect": {[]byte{0x11}, "i"}, "return_call": {[]byte{0x12}, "f"}, "return_call_indirect": {[]byte{0x13}, "i"},
		"drop": {[]byte{0x1a}, ""}, "select": {[]byte{0x1b}, ""}, "local.get": {[]byte{0x20}, "l"}, "local.set": {[]byte{0x21}, "l"},
		"local.tee": {[]byte{0x22}, "l"}, "global.get": {[]byte{0x23}, "g"}, "global.set": {[]byte{0x24}, "g"},
		"table.get": {[]byte{0x25}, "t"}, "table.set": {[]byte{0x26}, "t"}, "memory.size": {[]byte{0x3f}, "z"},
		"memory.grow": {[]byte{0x40}, "z"}, "i32.const": {[]byte{0x41}, "4"}, "i64.const": {[]byte{0x42}, "8"},
		"f32.const": {[]byte{0x43}, "F"}, "f64.const": {[]byte{0x44}, "D"}, "ref.null": {[]byte{0xd0}, "r"},
		"ref.is_null": {[]byte{0xd1}, ""}, "ref.func": {[]byte{0xd2}, "f"}, "memory.init": {[]byte{0xfc, 8}, "dz"},
		"data.drop": {[]byte{0xfc, 9}, "d"}, "memory.copy": {[]byte{0xfc, 10}, "zz"}, "memory.fill": {[]byte{0xfc, 11}, "z"},
		"table.init": {[]byte{0xfc, 12}, "ez"}, "elem.drop": {[]byte{0xfc, 13}, "e"}, "table.copy": {[]byte{0xfc, 14}, "zz"},
		"table.grow": {[]byte{0xfc, 15}, "t"}, "table.size": {[]byte{0xfc, 16}, "t"}, "table.fill": {[]byte{0xfc, 17}, "t"},
	}
	row := func(first byte, takes, names string) {
		for i, name := range strings.Fields(names) {
			all[name] = opcode{[]byte{first + byte(i)}, takes}
		}
	}
	row(0x28, "a", `i32.load i64.load f32.load f64.load i32.load8_s i32.load8_u i32.load16_s i32.load16_u
		i64.load8_s i64.load8_u i64.load16_s i64.load16_u i64.load32_s i64.load32_u i32.store i64.store f32.store
		f64.store i32.store8 i32.store16 i64.store8 i64.store16 i64.store32`)
	row(0x45, "", `i32.eqz i32.eq i32.ne i32.lt_s i32.lt_u i32.gt_s i32.gt_u i32.le_s i32.le_u i32.ge_s i32.ge_u
		i64.eqz i64.eq i64.ne i64.lt_s i64.lt_u i64.gt_s i64.gt_u i64.le_s i64.le_u i64.ge_s i64.ge_u
		f32.eq f32.ne f32.lt f32.gt f32.le f32.ge f64.eq f64.ne f64.lt f64.gt f64.le f64.ge
		i32.clz i32.ctz i32.popcnt i32.add i32.sub i32.mul i32.div_s i32.div_u i32.rem_s i32.rem_u i32.and i32.or
		i32.xor i32.shl i32.shr_s i32.shr_u i32.rotl i32.rotr
		i64.clz i64.ctz i64.popcnt i64.add i64.sub i64.mul i64.div_s i64.div_u i64.rem_s i64.rem_u i64.and i64.or
		i64.xor i64.shl i64.shr_s i64.shr_u i64.rotl i64.rotr
		f32.abs f32.neg f32.ceil f32.floor f32.trunc f32.nearest f32.sqrt f32.add f32.sub f32.mul f32.div f32.min
		f32.max f32.copysign f64.abs f64.neg f64.ceil f64.floor f64.trunc f64.nearest f64.sqrt f64.add f64.sub
		f64.mul f64.div f64.min f64.max f64.copysign
		i32.wrap_i64 i32.trunc_f32_s i32.trunc_f32_u i32.trunc_f64_s i32.trunc_f64_u i64.extend_i32_s
		i64.extend_i32_u i64.trunc_f32_s i64.trunc_f32_u i64.trunc_f64_s i64.trunc_f64_u`)
	return all
}
