# SPDX-License-Identifier: MIT
# Measures in the guest, on its second disk.
disk=$(arg on)
disk=${disk%a}b
# measure NAME BYTES OPTION..: reads of so much in all
measure () {
	_what=$1 _bytes=$2; shift 2
	fio --name="$_what" --filename="$disk" --direct=1 --ioengine=libaio --io_size="$_bytes" --size=64m \
		--readonly --output-format=terse --terse-version=3 "$@" |
		awk -F ';' -v w="$_what" '{ print "BENCH " w " " $8 " IOPS"; print "BENCH " w " " $7 " KiB/s" }'
}
[ "$(arg what)" = fio ] || exit 0
wait_for 10 test -b "$disk" || fail "$disk did not appear"
measure randread-4k 12m --rw=randread --bs=4k --iodepth=32
measure read-1m 128m --rw=read --bs=1m --iodepth=4
