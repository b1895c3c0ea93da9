// The extensions of x402 as the reference library checks them.
export * from '@x402/extensions/payment-identifier';
