"""The checker's rules, one file each; this tuple is the registry."""

from __future__ import annotations

from typing import Final

from netsim.check.model import Rule
from netsim.check.rules.ack001_ack_goes_backwards import Ack001
from netsim.check.rules.ack002_ack_number_without_flag import Ack002
from netsim.check.rules.ack003_ack_of_unsent_data import Ack003
from netsim.check.rules.ack004_acknowledgement_withheld import Ack004
from netsim.check.rules.ack005_two_full_segments_unacknowledged import Ack005
from netsim.check.rules.ack006_ack_loop import Ack006
from netsim.check.rules.ack007_ack_division import Ack007
from netsim.check.rules.ack008_gap_not_reported import Ack008
from netsim.check.rules.ack009_old_segment_unanswered import Ack009
from netsim.check.rules.cls001_data_after_fin import Cls001
from netsim.check.rules.cls002_fin_moved import Cls002
from netsim.check.rules.cls003_reset_in_time_wait import Cls003
from netsim.check.rules.cwn001_initial_window_above_ten import Cwn001
from netsim.check.rules.cwn002_faster_than_slow_start import Cwn002
from netsim.check.rules.cwn003_burst_after_timeout import Cwn003
from netsim.check.rules.ecn001_ect_on_syn import Ecn001
from netsim.check.rules.ecn002_ect_on_pure_ack import Ecn002
from netsim.check.rules.ecn003_ect_on_retransmission import Ecn003
from netsim.check.rules.ecn004_ect_without_agreement import Ecn004
from netsim.check.rules.ecn005_ce_not_echoed import Ecn005
from netsim.check.rules.ecn006_ece_ignored import Ecn006
from netsim.check.rules.ecn007_ecn_flags_without_agreement import Ecn007
from netsim.check.rules.ecn008_ecn_setup_reflected import Ecn008
from netsim.check.rules.ecn009_echo_after_cwr import Ecn009
from netsim.check.rules.hsk001_syn_ack_of_wrong_number import Hsk001
from netsim.check.rules.hsk002_syn_ack_isn_changed import Hsk002
from netsim.check.rules.hsk003_data_before_established import Hsk003
from netsim.check.rules.hsk004_syn_to_group_address import Hsk004
from netsim.check.rules.hsk005_isn_repeated import Hsk005
from netsim.check.rules.hsk006_isn_predictable import Hsk006
from netsim.check.rules.hsk007_port_reused_in_time_wait import Hsk007
from netsim.check.rules.hsk008_syn_isn_changed import Hsk008
from netsim.check.rules.hsk009_syn_in_connection import Hsk009
from netsim.check.rules.opt001_mss_outside_syn import Opt001
from netsim.check.rules.opt002_window_scale_outside_syn import Opt002
from netsim.check.rules.opt003_sack_permitted_outside_syn import Opt003
from netsim.check.rules.opt004_window_scale_over_14 import Opt004
from netsim.check.rules.opt005_window_scale_not_offered import Opt005
from netsim.check.rules.opt006_sack_permitted_not_offered import Opt006
from netsim.check.rules.opt007_timestamps_not_offered import Opt007
from netsim.check.rules.opt008_timestamps_missing import Opt008
from netsim.check.rules.opt009_timestamps_not_negotiated import Opt009
from netsim.check.rules.opt010_sack_not_permitted import Opt010
from netsim.check.rules.opt011_sack_block_inverted import Opt011
from netsim.check.rules.opt012_sack_of_unsent_data import Opt012
from netsim.check.rules.opt013_sack_below_ack import Opt013
from netsim.check.rules.opt014_sack_blocks_overlap import Opt014
from netsim.check.rules.opt015_sack_reneged import Opt015
from netsim.check.rules.opt016_option_length_wrong import Opt016
from netsim.check.rules.opt017_option_runs_past_header import Opt017
from netsim.check.rules.opt018_option_repeated import Opt018
from netsim.check.rules.opt019_padding_not_zero import Opt019
from netsim.check.rules.opt020_timestamp_goes_backwards import Opt020
from netsim.check.rules.opt021_timestamp_echo_never_sent import Opt021
from netsim.check.rules.opt022_timestamp_echo_without_ack import Opt022
from netsim.check.rules.opt023_timestamp_clock_rate import Opt023
from netsim.check.rules.opt024_segment_above_mss import Opt024
from netsim.check.rules.opt025_fast_open_cookie_length import Opt025
from netsim.check.rules.opt026_md5_signature_missing import Opt026
from netsim.check.rules.opt027_options_blanked import Opt027
from netsim.check.rules.opt028_sack_first_block_not_newest import Opt028
from netsim.check.rules.rst001_refusal_with_wrong_number import Rst001
from netsim.check.rules.rst002_reset_outside_window import Rst002
from netsim.check.rules.rst003_data_after_reset import Rst003
from netsim.check.rules.rst004_resets_answered_with_resets import Rst004
from netsim.check.rules.rst005_reset_ignored import Rst005
from netsim.check.rules.rst006_reset_ahead_of_stream import Rst006
from netsim.check.rules.rtx001_resent_too_early import Rtx001
from netsim.check.rules.rtx002_resent_after_ack import Rtx002
from netsim.check.rules.rtx003_resent_sacked_data import Rtx003
from netsim.check.rules.rtx004_timeout_below_one_second import Rtx004
from netsim.check.rules.rtx005_resent_before_third_duplicate_ack import Rtx005
from netsim.check.rules.seq001_segment_without_ack_flag import Seq001
from netsim.check.rules.seq002_illegal_flag_combination import Seq002
from netsim.check.rules.seq003_retransmission_with_different_data import Seq003
from netsim.check.rules.seq004_reserved_bits_set import Seq004
from netsim.check.rules.seq005_urgent_pointer_without_urg import Seq005
from netsim.check.rules.seq006_urgent_pointer_at_nothing import Seq006
from netsim.check.rules.seq007_checksum_wrong import Seq007
from netsim.check.rules.seq008_header_length_wrong import Seq008
from netsim.check.rules.tmr001_backoff_shrinks import Tmr001
from netsim.check.rules.tmr002_syn_without_backoff import Tmr002
from netsim.check.rules.tmr003_syn_resent_too_early import Tmr003
from netsim.check.rules.tmr004_window_probes_speed_up import Tmr004
from netsim.check.rules.tmr005_window_probes_without_backoff import Tmr005
from netsim.check.rules.wnd001_data_beyond_window import Wnd001
from netsim.check.rules.wnd002_window_shrunk import Wnd002
from netsim.check.rules.wnd003_silly_window_offered import Wnd003
from netsim.check.rules.wnd004_data_into_closed_window import Wnd004

RULES: Final[tuple[Rule, ...]] = (
    Ack001(),
    Ack002(),
    Ack003(),
    Ack004(),
    Ack005(),
    Ack006(),
    Ack007(),
    Ack008(),
    Ack009(),
    Cls001(),
    Cls002(),
    Cls003(),
    Cwn001(),
    Cwn002(),
    Cwn003(),
    Ecn001(),
    Ecn002(),
    Ecn003(),
    Ecn004(),
    Ecn005(),
    Ecn006(),
    Ecn007(),
    Ecn008(),
    Ecn009(),
    Hsk001(),
    Hsk002(),
    Hsk003(),
    Hsk004(),
    Hsk005(),
    Hsk006(),
    Hsk007(),
    Hsk008(),
    Hsk009(),
    Opt001(),
    Opt002(),
    Opt003(),
    Opt004(),
    Opt005(),
    Opt006(),
    Opt007(),
    Opt008(),
    Opt009(),
    Opt010(),
    Opt011(),
    Opt012(),
    Opt013(),
    Opt014(),
    Opt015(),
    Opt016(),
    Opt017(),
    Opt018(),
    Opt019(),
    Opt020(),
    Opt021(),
    Opt022(),
    Opt023(),
    Opt024(),
    Opt025(),
    Opt026(),
    Opt027(),
    Opt028(),
    Rst001(),
    Rst002(),
    Rst003(),
    Rst004(),
    Rst005(),
    Rst006(),
    Rtx001(),
    Rtx002(),
    Rtx003(),
    Rtx004(),
    Rtx005(),
    Seq001(),
    Seq002(),
    Seq003(),
    Seq004(),
    Seq005(),
    Seq006(),
    Seq007(),
    Seq008(),
    Tmr001(),
    Tmr002(),
    Tmr003(),
    Tmr004(),
    Tmr005(),
    Wnd001(),
    Wnd002(),
    Wnd003(),
    Wnd004(),
)
