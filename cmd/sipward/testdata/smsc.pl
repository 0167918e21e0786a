# A message centre by SMPP 3.4, on the library Net::SMPP, which shares nothing with our client. It prints its port, then
# each text as "TEXT number text"; the first submission is told to slow down. It names messages in hexadecimal, and in
# decimal in their receipts, as centres do.
use strict;
use warnings;
use Net::SMPP;

$| = 1;
binmode STDOUT, ':encoding(UTF-8)';
my $door = Net::SMPP->new_listen('127.0.0.1', port => 0) or die "no port: $!";
print 'PORT ', $door->sockport, " is open\n";
my $next = 3_000_000_123; # has letters in hexadecimal
my $seen = 0;
while (my $link = $door->accept) {
    while (my $pdu = $link->read_pdu) {
        if ($pdu->{cmd} == 0x00000009) { # bind_transceiver
            my $good = $pdu->{system_id} eq 'sipward' && $pdu->{password} eq 'secret';
            $link->bind_transceiver_resp(system_id => 'smsc', seq => $pdu->{seq}, status => $good ? 0 : 0x0e);
        } elsif ($pdu->{cmd} == 0x00000015) { # enquire_link
            $link->enquire_link_resp(seq => $pdu->{seq});
        } elsif ($pdu->{cmd} == 0x00000006) { # unbind
            $link->unbind_resp(seq => $pdu->{seq});
            last;
        } elsif ($pdu->{cmd} == 0x00000004) { # submit_sm
            if ($seen++ == 0) {
                $link->submit_sm_resp(message_id => '', seq => $pdu->{seq}, status => 0x58);
                next;
            }
            my $id = $next++;
            my $text = $pdu->{short_message};
            $text = pack 'U*', unpack('n*', $text) if $pdu->{data_coding} == 8;
            print "TEXT $pdu->{destination_addr} $text\n";
            $link->submit_sm_resp(message_id => sprintf('%X', $id), seq => $pdu->{seq});
            $link->deliver_sm(async => 1, esm_class => 0x04, source_addr => $pdu->{destination_addr}, destination_addr => '39021',
                short_message => "id:$id sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:DELIVRD err:000 text:x")
                if $pdu->{registered_delivery} & 1;
        }
    }
}
