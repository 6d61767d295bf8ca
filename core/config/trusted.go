package config

import (
	"fmt"
	"net/netip"
)

// TrustedNetworks returns TrustedProxies, which must have been checked, as
// networks: an address is that of one proxy.
func (g *Gateway) TrustedNetworks() []netip.Prefix {
	networks := make([]netip.Prefix, 0, len(g.TrustedProxies))
	for _, text := range g.TrustedProxies {
		if network, err := parseNetwork(text); err == nil {
			networks = append(networks, network)
		}
	}
	return networks
}

// parseNetwork reads an address, or a network as address/bits. The error says
// what to write instead.
func parseNetwork(text string) (netip.Prefix, error) {
	network, err := netip.ParsePrefix(text)
	if addr, plain := netip.ParseAddr(text); plain == nil && addr.Zone() == "" {
		network, err = netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	switch {
	case err != nil:
		return network, fmt.Errorf("%q is not a network: want an address, or an address and the bits that count, such as \"10.0.0.0/8\" or \"2001:db8::/32\"", text)
	case network.Addr().Is4In6():
		return network, fmt.Errorf("%q is an IPv4 network in IPv6's words: write it as IPv4, such as %q", text, network.Addr().Unmap())
	case network != network.Masked():
		return network, fmt.Errorf("%q says more than the %d bits that count: write %q, or %q for the one address", text, network.Bits(), network.Masked(), network.Addr())
	default:
		return network, nil
	}
}

func (g *Gateway) checkProxies(s scope) {
	for i, text := range g.TrustedProxies {
		at := s.in(element("trusted_proxies", i))
		switch network, err := parseNetwork(text); {
		case err != nil:
			at.add("", "Not a network", "%v.", err)
		case network.Bits() == 0:
			at.warn("", "Everybody is trusted", "With %q any client can make up who asks; name the networks of the proxies alone.", text)
		}
	}
}
