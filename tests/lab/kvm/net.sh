# SPDX-License-Identifier: MIT
# What the tests of networks share, on the host.

# net_needs: as lab_needs, and the programs that make traffic
net_needs () {
	local package
	while read -r tool package; do
		command -v "$tool" >/dev/null || skip "the KVM lab needs $tool; as root: apt-get install $package"
	done <<-TOOLS
		iperf3 iperf3
		ip iproute2
	TOOLS
	lab_needs
	lab_xenstore "$in/host"
	lab_copy "$in/host" "$(command -v ip)" /usr/sbin/ip
	lab_copy "$in/host" "$(command -v iperf3)" /usr/bin/iperf3
	lab_copy "$in/guest" "$(command -v iperf3)" /usr/bin/iperf3
}

# net_scripts HOST: the scripts of this scenario
net_scripts () {
	lab_scripts "$1" net-guest.sh
	cp "$lab/net-lib.sh" "$in/lab/net.sh"
	lab_sluice
}
