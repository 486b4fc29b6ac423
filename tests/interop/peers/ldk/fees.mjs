// The fee rates that LDK asks for, in satoshi per 1000 weight; a case may change the one that it opens
// channels with.
import { ldk } from "./ldk.mjs";

const T = ldk.ConfirmationTarget;
const LEAST = 253; // 1 sat per byte

export class Fees {
  constructor() {
    this.channel = 2500;
    this.close = LEAST;
    this.estimator = ldk.FeeEstimator.new_impl({ get_est_sat_per_1000_weight: (target) => this.of(target) });
  }

  of(target) {
    switch (target) {
      case T.LDKConfirmationTarget_MaximumFeeEstimate: return 100_000;
      case T.LDKConfirmationTarget_UrgentOnChainSweep: return 5000;
      case T.LDKConfirmationTarget_AnchorChannelFee: return this.channel;
      case T.LDKConfirmationTarget_NonAnchorChannelFee: return this.channel;
      case T.LDKConfirmationTarget_OutputSpendingFee: return 1500;
      case T.LDKConfirmationTarget_ChannelCloseMinimum: return this.close;
      default: return LEAST; // the least that a peer may offer
    }
  }
}
