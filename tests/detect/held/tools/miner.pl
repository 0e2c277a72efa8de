# SPDX-License-Identifier: Apache-2.0
# A miner of the dialects that tests/detect/tools/miner.py does not speak. What it does stands in worker.json:
#   dialect  nicehash, ethereum2, equihash, coinhive (WebSocket), monero, template (getblocktemplate by HTTP)
#   host, port; socks [host, port]; pace: seconds between shares
use strict;
use warnings;
use Digest::SHA qw(sha256 sha256_hex);
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use MIME::Base64;
use Time::HiRes qw(time);

my $json = JSON::PP->new->canonical;
my $o = $json->decode(do { local (@ARGV, $/) = "worker.json"; <> });
my ($rest, $count, $s) = ("", 10);

sub dial {
	my ($host, $port) = $o->{socks} ? @{ $o->{socks} } : ($o->{host}, $o->{port});
	my $c;
	for (1 .. 100) {
		$c = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Proto => "tcp") and last;
		select undef, undef, undef, 0.1;
	}
	die "nobody there\n" unless $c;
	if ($o->{socks}) {
		syswrite $c, "\5\1\0";
		sysread $c, my $ok, 2;
		syswrite $c, "\5\1\0\3" . chr(length $o->{host}) . $o->{host} . pack("n", $o->{port});
		sysread $c, $ok, 10;
	}
	return $c;
}

sub say_line {
	my $text = $json->encode($_[0]);
	return syswrite $s, "$text\n" if $o->{dialect} ne "coinhive";
	my $mask = pack "N", int rand 2**32;
	my $size = length($text) < 126 ? chr(128 | length $text) : chr(254) . pack "n", length $text;
	my $long = $mask x (length($text) / 4 + 1);
	syswrite $s, "\x81$size$mask" . ($text ^ substr $long, 0, length $text);
}

sub cut {
	if ($o->{dialect} ne "coinhive") {
		return $rest =~ s/^([^\n]*)\n// ? $1 : undef;
	}
	return undef if length $rest < 4;
	my $size = ord(substr $rest, 1, 1) & 127;
	my $at = 2;
	($size, $at) = (unpack("n", substr $rest, 2, 2), 4) if $size == 126;
	return undef if length $rest < $at + $size;
	my $text = substr $rest, $at, $size;
	$rest = substr $rest, $at + $size;
	return $text;
}

sub heard {
	my ($wait) = @_;
	my @messages;
	while (IO::Select->new($s)->can_read($wait)) {
		sysread($s, my $data, 65536) or exit;
		$rest .= $data;
		$wait = 0;
	}
	while (defined(my $line = cut())) { push @messages, $json->decode($line) }
	return @messages;
}

# getblocktemplate: each question is a request of its own
sub ask {
	my ($method, @params) = @_;
	my $body = $json->encode({ jsonrpc => "1.0", id => "worker", method => $method, params => \@params });
	my $c = dial();
	syswrite $c, sprintf "POST / HTTP/1.1\r\nHost: %s\r\nAuthorization: Basic %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		$o->{host}, encode_base64("user:pass", ""), length $body, $body;
	my $text = do { local $/; <$c> };
	$text =~ s/^.*?\r\n\r\n//s;
	return $json->decode($text)->{result};
}

my %begin = (
	nicehash => [
		{ id => 1, method => "mining.configure", params => [["version-rolling"], { "version-rolling.mask" => "1fffe000" }] },
		{ id => 2, method => "mining.subscribe", params => ["build/2.1"] },
		{ id => 3, method => "mining.extranonce.subscribe", params => [] },
		{ id => 4, method => "mining.authorize", params => ["user.rig", "d=512"] },
	],
	ethereum2 => [
		{ id => 0, method => "mining.hello", params => { agent => "build-1.0", host => "x", port => "4d2", proto => "EthereumStratum/2.0.0" } },
		{ id => 1, method => "mining.subscribe", params => [] },
		{ id => 2, method => "mining.authorize", params => ["user.rig", "x"] },
	],
	equihash => [
		{ id => 1, method => "mining.subscribe", params => ["build/0.3", undef, "x", 9000] },
		{ id => 2, method => "mining.authorize", params => ["t1user.rig", "x"] },
	],
	coinhive => [{ type => "auth", params => { site_key => "k" x 32, type => "anonymous", user => undef, goal => 0 } }],
	monero => [{ id => 1, jsonrpc => "2.0", method => "login",
		params => { login => "8" . "B" x 94, pass => "rig", agent => "build/1.0", algo => ["rx/0", "cn/r"] } }],
	template => [],
);

sub job_of {
	my ($m) = @_;
	my $method = $m->{method} // $m->{type} // "";
	return $m->{params}[0] if $method eq "mining.notify";
	return $m->{params}{job_id} if $method eq "job";
	return $m->{result}{job}{job_id} if ref $m->{result} eq "HASH" && $m->{result}{job};
	return undef;
}

sub share {
	my ($job, $best) = @_;
	my $nonce = substr $best, 0, 8;
	my %submit = (
		nicehash => { method => "mining.submit", params => ["user.rig", $job, "00000001", "65f0c2a1", $nonce, "00800000"] },
		ethereum2 => { method => "mining.submit", params => [$job, substr($best, 0, 12), "w-1"] },
		equihash => { method => "mining.submit", params => ["t1user.rig", $job, "65f0c2a1", $best, "fd4005" . sha256_hex($best) x 42] },
		coinhive => { type => "submit", params => { version => 7, job_id => $job, nonce => $nonce, result => $best } },
		monero => { jsonrpc => "2.0", method => "submit", params => { id => "w1", job_id => $job, nonce => $nonce, result => $best } },
	);
	return ask("submitblock", "00000020" . $best x 40) if $o->{dialect} eq "template";
	my $message = $submit{ $o->{dialect} };
	$message->{id} = ++$count if $o->{dialect} ne "coinhive";
	say_line($message);
}

$s = dial() if $o->{dialect} ne "template";
if ($o->{dialect} eq "coinhive") {
	syswrite $s, "GET /proxy HTTP/1.1\r\nHost: $o->{host}\r\nOrigin: https://example.org\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		. "Sec-WebSocket-Key: " . encode_base64(pack("N4", map { int rand 2**32 } 1 .. 4), "") . "\r\nSec-WebSocket-Version: 13\r\n\r\n";
	sysread $s, $rest, 1, length $rest until $rest =~ s/^.*\r\n\r\n//s;
}
say_line($_) for @{ $begin{ $o->{dialect} } };

my ($job, $best, $told, $polled, $kept, $born) = (undef, undef, time, 0, time, time);
while (1) {
	if ($o->{dialect} eq "template") {
		if (time - $polled > 2) {
			($polled, $best) = (time, undef);
			$job = ask("getblocktemplate", { rules => ["segwit"] })->{previousblockhash};
		}
	} else {
		for my $message (heard($job ? 0 : 30)) {
			my $new = job_of($message);
			($job, $best) = ($new, undef) if defined $new;
		}
	}
	next unless defined $job;
	for (1 .. 20000) {
		my $found = unpack "H*", sha256(sha256($job . rand));
		$best = $found if !defined $best || $found lt $best;
	}
	if ($o->{dialect} eq "monero" && time - $kept > 2) {
		$kept = time;
		say_line({ id => ++$count, jsonrpc => "2.0", method => "keepalived", params => { id => "w1" } });
	}
	if (time - $told > ($o->{pace} // 0.8)) {
		$told = time;
		share($job, $best);
		open my $file, ">", "burnt";
		printf $file "%.3f", (times)[0] / (time - $born);
	}
}
